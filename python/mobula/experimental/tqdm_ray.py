# SPDX-License-Identifier: Apache-2.0
"""Progress bars of tasks and actors, all shown by the driver below one another.

A worker writes how far it is as marked lines to its standard output, which reach the driver as all
its output does.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from mobula import _logs
from mobula._runtime import current_or_none

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["instance", "safe_print", "tqdm"]

_ids = iter(range(1 << 62))


class tqdm:  # noqa: N801
    """A progress bar with the words of the package tqdm; it may be used in tasks and actors.

    For example::

        for item in tqdm(items, desc="reading"):
            ...
    """

    DEFAULT_FLUSH_INTERVAL_SECONDS = 1.0
    # Where it ends, if that is known, and how far it is.
    total: float | None = None
    n: float = 0

    def __init__(
        self,
        iterable: Iterable[Any] | None = None,
        desc: str | None = None,
        total: float | None = None,
        unit: str | None = None,
        *,
        position: int | None = None,
        flush_interval_s: float | None = None,
    ) -> None:
        """Of an iterable, whose length is the total unless that is given; or moved by ``update``.

        Tells at most once in ``flush_interval_s`` seconds how far it is. Bars stand in the order
        of their ``position``, then in that in which they began.
        """
        if total is None and hasattr(iterable, "__len__"):
            total = len(iterable)  # type: ignore[arg-type]
        if total is not None and (isinstance(total, bool) or not isinstance(total, (int, float))):
            raise TypeError(f"total must be a number or None, got {total!r}")
        self._iterable = iterable
        self.total = total
        self._desc = desc or ""
        self._unit = unit or "it"
        self._position = position or 0
        self._interval = (
            self.DEFAULT_FLUSH_INTERVAL_SECONDS if flush_interval_s is None else flush_interval_s
        )
        self.n = 0
        self._closed = False
        self._id = f"{os.getpid()}.{next(_ids)}"
        self._told = 0.0
        self._tell(force=True)

    def set_description(self, desc: str) -> None:
        """Changes what stands in front."""
        self._desc = desc
        self._tell()

    def update(self, n: float = 1) -> None:
        """Goes on by ``n``."""
        self.n += n
        self._tell()

    def refresh(self) -> None:
        """Tells at once how far it is."""
        self._tell(force=True)

    def close(self) -> None:
        """Shows it for the last time."""
        if not self._closed:
            self._closed = True
            self._tell(force=True)

    def __iter__(self) -> Iterator[Any]:
        """The items; each that was dealt with moves the bar, the last closes it."""
        if self._iterable is None:
            raise ValueError("No iterable provided: this bar is moved by update()")
        try:
            for item in self._iterable:
                yield item
                self.update()
        finally:
            self.close()

    def _tell(self, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._told < self._interval:
            return
        self._told = now
        execution = current_or_none()
        in_driver = execution is None or execution.runtime.is_driver
        state = {
            "uuid": self._id,
            "desc": self._desc,
            "x": self.n,
            "total": self.total,
            "unit": self._unit,
            "pos": self._position,
            "pid": None if in_driver else os.getpid(),
            "closed": self._closed,
        }
        if in_driver:
            instance().process_state_update(state)
        else:
            print(f"{_logs.PROGRESS_MARK}{json.dumps(state)}", flush=True)


class _BarManager:
    """Shows the bars of all processes: live on a terminal, else as lines of text."""

    def __init__(self, file: TextIO | None = None) -> None:
        # None: what sys.stderr is at the time.
        self._file = file
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        # By the bars' ids: as shown, the place in order first.
        self._tasks: dict[str, TaskID] = {}
        self._texts: dict[str, str] = {}

    def process_state_update(self, state: dict[str, Any]) -> None:
        """Shows how far a bar is."""
        if os.environ.get("RAY_TQDM", "1") == "0":
            return
        file = self._file or sys.stderr
        with self._lock:
            if file.isatty():
                self._draw(state, file)
            else:
                self._write(state, file)

    def close(self) -> None:
        """Leaves the bars as they stand."""
        with self._lock:
            self._stop()

    def _write(self, state: dict[str, Any], file: TextIO) -> None:
        text = _text_of(state)
        if text != self._texts.get(state["uuid"]):
            print(text, file=file, flush=True)
        self._texts[state["uuid"]] = text
        if state["closed"]:
            del self._texts[state["uuid"]]

    def _draw(self, state: dict[str, Any], file: TextIO) -> None:
        if self._progress is None:
            self._progress = _make_progress(file)
            self._progress.start()
        task = self._tasks.get(state["uuid"])
        if task is None:
            task = self._tasks[state["uuid"]] = self._progress.add_task("", unit="")
        self._progress.update(
            task,
            description=_title_of(state),
            completed=state["x"],
            total=state["total"],
            unit=state["unit"],
            refresh=state["closed"],
        )
        if state["closed"]:
            self._progress.stop_task(task)
            del self._tasks[state["uuid"]]
            if not self._tasks:
                self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
            self._tasks.clear()


def _make_progress(file: TextIO) -> Progress:
    # Only drivers that show bars need it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        console=Console(file=file),
    )


def _title_of(state: dict[str, Any]) -> str:
    origin = "" if state["pid"] is None else f"(pid={state['pid']})"
    return " ".join(part for part in (origin, state["desc"]) if part)


def _text_of(state: dict[str, Any]) -> str:
    total = "?" if state["total"] is None else state["total"]
    title = _title_of(state)
    return f"{title}{': ' if title else ''}{state['x']}/{total} [{state['unit']}]"


@functools.cache
def instance() -> _BarManager:
    """What shows the bars in this process."""
    manager = _BarManager()
    atexit.register(manager.close)
    return manager


def safe_print(*args: Any, **kwargs: Any) -> None:
    """As ``print``; bars on a terminal move down to make room anyway."""
    print(*args, **kwargs)
