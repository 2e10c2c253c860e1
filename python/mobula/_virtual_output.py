# SPDX-License-Identifier: Apache-2.0
"""Standard output and error: the driver's are the terminal's, a worker's travel to the driver."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from mobula import _sim_process

if TYPE_CHECKING:
    from mobula._sim_hub import Hub


def process_streams(hub: Hub) -> tuple[TextIO, TextIO]:
    """Returns standard output and error that are those of the process that writes.

    Workers find them in sys. A driver that has them there, too, may hand them out: to a logger
    that its workers use as well, for instance.
    """
    out = ProcessStream(hub, sys.stdout, is_error=False)
    err = ProcessStream(hub, sys.stderr, is_error=True)
    return cast(TextIO, out), cast(TextIO, err)


class ProcessStream(io.TextIOBase):
    """Writes to `real` for the driver, and to the world, by whole lines, for workers."""

    def __init__(self, hub: Hub, real: TextIO, *, is_error: bool) -> None:
        """Wraps the stream `real` of the simulator's own process."""
        self._hub = hub
        self._real = real
        self._is_error = is_error

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the real stream."""
        return self._real.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the real stream treats what it cannot encode."""
        return self._real.errors

    @property
    def buffer(self) -> Any:
        """The stream for bytes below this one."""
        process = _sim_process.current()
        return self._real.buffer if process is None or process.is_driver else _Bytes(self)

    def writable(self) -> bool:
        """Returns True."""
        return True

    def isatty(self) -> bool:
        """Returns whether the writing process has a terminal."""
        process = _sim_process.current()
        return (process is None or process.is_driver) and self._real.isatty()

    def fileno(self) -> int:
        """Returns the number of the real stream."""
        return self._real.fileno()

    def write(self, text: str) -> int:
        """Writes as the calling process. What a dead process writes goes nowhere."""
        process = _sim_process.current()
        if process is None or (process.is_driver and process.alive):
            return self._real.write(text)
        if process.alive:
            name = "stderr" if self._is_error else "stdout"
            *lines, process.unfinished_lines[name] = (
                process.unfinished_lines.get(name, "") + text
            ).split("\n")
            if lines:
                self._hub.write_output(process, self._is_error, lines)
        return len(text)

    def flush(self) -> None:
        """Flushes the real stream."""
        self._real.flush()

    def reconfigure(self, **options: Any) -> None:
        """Reconfigures the real stream."""
        self._real.reconfigure(**options)  # type: ignore[attr-defined]


class _Bytes:
    """The `buffer` of a worker's stream."""

    def __init__(self, stream: ProcessStream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(bytes(data).decode(errors="replace"))
        return len(data)

    def flush(self) -> None:
        """Whole lines are never held back."""
