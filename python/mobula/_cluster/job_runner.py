# SPDX-License-Identifier: Apache-2.0
"""Runs a job's command, and ends it when it is told to.

Standard input is a lifeline. When it closes, because the supervisor is dead, the command and all it
has started are killed; a byte asks it to end by itself, for which it has a while.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

_GRACE_S = 3.0
_NOT_FOUND = 127


def main() -> int:
    """Returns the command's exit code as a shell does."""
    try:
        command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"mobula: cannot run {sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND
    threading.Thread(target=_obey, args=(command.pid,), daemon=True).start()
    code = command.wait()
    # What it left behind.
    _signal(command.pid, signal.SIGKILL)
    return 128 - code if code < 0 else code


def _obey(group: int) -> None:
    if os.read(0, 1):
        _signal(group, signal.SIGTERM)
        threading.Timer(_GRACE_S, _signal, (group, signal.SIGKILL)).start()
        # The supervisor may die meanwhile.
        os.read(0, 1)
    _signal(group, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Not waiting for a timer.
    os._exit(code)
