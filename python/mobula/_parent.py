# SPDX-License-Identifier: Apache-2.0
"""Processes that must not outlive the one that started them."""

from __future__ import annotations

import ctypes
import signal

# The virtual world replaces these in their modules.
from os import _exit, getppid

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
# Before a fork: loading a library in a forked child is no good.
_libc = ctypes.CDLL(None)


def call_process(name: str) -> None:
    """The name that the system shows for this process."""
    _libc.prctl(_PR_SET_NAME, name.encode())


def die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent, the process of that number, ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if getppid() != parent:
        _exit(1)
