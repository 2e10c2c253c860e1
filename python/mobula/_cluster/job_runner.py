# SPDX-License-Identifier: Apache-2.0
"""Runs a job's command, writes its log, and ends it when it is told to:
job_runner.py LOG BYTES OLDER COMMAND...

Standard input is a lifeline. When it closes, because the supervisor is dead, the command and all it
has started are killed; a byte asks it to end by itself, for which it has a while. The log is
continued in a new file when it has so many BYTES; so many OLDER ones are kept.
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
_PIECE = 64 << 10
# For what is left in the pipe; somebody who has left the command's group may hold it for ever.
_DRAIN_S = 1.0


class Log:
    """A file of a bounded size, LOG, and those before it, LOG.1, LOG.2, ..."""

    def __init__(self, path: str, bytes_max: int, older_max: int) -> None:
        """0 bytes: it grows without end."""
        self._path = path
        self._bytes_max = bytes_max
        self._older_max = older_max
        self._begin()

    def write(self, data: bytes) -> None:
        """No line is divided between files, unless it is longer than one may be."""
        while self._bytes_max and self._bytes + len(data) > self._bytes_max:
            cut = data.rfind(b"\n", 0, max(0, self._bytes_max - self._bytes)) + 1
            if cut == 0 and not (self._bytes and self._is_line_start):
                cut = data.find(b"\n") + 1 or len(data)
            self._append(data[:cut])
            data = data[cut:]
            self._move_aside()
            self._begin()
        self._append(data)

    def _begin(self) -> None:
        # Under its name at once: whoever reads the log always finds one.
        self._file = open(self._path + ".new", "wb", buffering=0)  # noqa: SIM115
        os.rename(self._path + ".new", self._path)
        self._bytes = 0
        self._is_line_start = True

    def _append(self, data: bytes) -> None:
        if data:
            # What a full disk does not take is lost.
            with contextlib.suppress(OSError):
                self._file.write(data)
            self._bytes += len(data)
            self._is_line_start = data.endswith(b"\n")

    def _move_aside(self) -> None:
        self._file.close()
        for number in range(self._older_max, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{self._path}.{number - 1}", f"{self._path}.{number}")
        if self._older_max:
            os.link(self._path, f"{self._path}.1")


def main() -> int:
    """Returns the command's exit code as a shell does."""
    path, bytes_max, older_max, *words = sys.argv[1:]
    log = Log(path, int(bytes_max), int(older_max))
    try:
        command = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        log.write(f"mobula: cannot run {words[0]}: {error.strerror}\n".encode())
        return _NOT_FOUND
    assert command.stdout is not None
    copier = threading.Thread(target=_copy, args=(command.stdout.fileno(), log), daemon=True)
    copier.start()
    threading.Thread(target=_obey, args=(command.pid,), daemon=True).start()
    code = command.wait()
    # What it left behind.
    _signal(command.pid, signal.SIGKILL)
    copier.join(_DRAIN_S)
    return 128 - code if code < 0 else code


def _copy(source: int, log: Log) -> None:
    while data := os.read(source, _PIECE):
        log.write(data)


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
