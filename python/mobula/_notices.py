# SPDX-License-Identifier: Apache-2.0
"""Shows a driver's user what its cluster tells: warnings, and what workers write."""

from __future__ import annotations

import threading
import time
from typing import Any

from mobula import _core, _logs, _unhandled
from mobula._log_repeats import Repeats

# Between two looks whether lines that were held back are due.
_LOOK_S = 1.0


class Notices:
    """Takes notices from the runtime, in a thread of its own, until the process is disconnected."""

    def __init__(
        self, process: _core.HostProcess, own_name: str, repeats: Repeats, *, show_logs: bool
    ) -> None:
        """``own_name`` is the node's; without ``show_logs`` only listeners hear of lines."""
        self._process = process
        self._own_name = own_name
        self._show_logs = show_logs
        self._repeats = repeats
        self._lock = threading.Lock()
        self._look: threading.Timer | None = None
        self._thread = threading.Thread(target=self._run, name="mobula-notices", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits for the last ones."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (notice := self._process.next_notice()) is not None:
            kind, fields = notice
            if kind == "Warn":
                _logs.warn(fields["message"])
            elif kind == "UnhandledError":
                _unhandled.report(fields["value"])
            elif kind == "ShowLogs":
                self._show(fields["logs"])
        with self._lock:
            for batch in self._repeats.all():
                _logs.write(batch, self._own_name)

    def _show(self, logs: dict[str, Any]) -> None:
        told = _logs.tell(logs, visibly=self._show_logs)
        if not self._show_logs or not told:
            return
        with self._lock:
            for one in told:
                for batch in self._repeats.filter(one, time.monotonic()):
                    _logs.write(batch, self._own_name)
            self._look_later()

    def _look_later(self) -> None:
        if self._look is None and self._repeats.holds():
            self._look = threading.Timer(_LOOK_S, self._show_due)
            self._look.daemon = True
            self._look.start()

    def _show_due(self) -> None:
        with self._lock:
            self._look = None
            for batch in self._repeats.due(time.monotonic()):
                _logs.write(batch, self._own_name)
            self._look_later()
