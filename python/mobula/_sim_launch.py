# SPDX-License-Identifier: Apache-2.0
"""Starts the simulator in a process that is the same every time."""

from __future__ import annotations

import ctypes
import os
import sys

_HASH_SEED = "0"
# Set across the re-execution only, so that a refusing kernel does not make it endless.
_MARK = "MOBULA_SIM_REEXECUTED"
_ADDR_NO_RANDOMIZE = 0x0040000
_QUERY_PERSONALITY = 0xFFFFFFFF


def fix_process() -> None:
    """Executes this process anew with fixed string hashes and a fixed address layout.

    Nothing in the runtime depends on either, but user code may: the order of a set of strings,
    the default order of objects in a set. Does nothing when the process is already so.
    """
    if os.environ.pop(_MARK, None) is not None:
        return
    libc = ctypes.CDLL(None)
    layout = libc.personality(ctypes.c_ulong(_QUERY_PERSONALITY))
    libc.personality(ctypes.c_ulong(layout | _ADDR_NO_RANDOMIZE))
    environment = dict(os.environ, PYTHONHASHSEED=_HASH_SEED)
    environment[_MARK] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
