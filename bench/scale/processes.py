# SPDX-License-Identifier: Apache-2.0
"""What processes hold and burn, as Linux tells it."""

from __future__ import annotations

import contextlib
import pathlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import psutil


def family(pid: int | None = None) -> list[int]:
    """A process and all that it started; this one if none is named."""
    process = psutil.Process(pid)
    return [process.pid, *(child.pid for child in process.children(recursive=True))]


def memory(pid: int) -> dict[str, float]:
    """By the names of `smaps_rollup`, in MB."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {name.rstrip(":"): int(kilobytes) * 1024 / 1e6 for name, kilobytes, _ in fields}


def private(pid: int) -> float:
    """MB that no other process shares."""
    held = memory(pid)
    return held["Private_Clean"] + held["Private_Dirty"]


def proportional(pids: Iterable[int]) -> float:
    """MB that these hold together (PSS); those that are gone count nothing."""
    total = 0.0
    for pid in pids:
        # One that ends while it is read has no such file any more, or an empty one.
        with contextlib.suppress(OSError, KeyError):
            total += memory(pid)["Pss"]
    return total


class Usage(NamedTuple):
    """Of some processes, since they began or between two moments."""

    seconds: float
    turns: int

    def since(self, before: Usage) -> Usage:
        """What came after."""
        return Usage(self.seconds - before.seconds, self.turns - before.turns)


def usage(pids: Iterable[int]) -> Usage:
    """Seconds on a processor, and how often a thread was given one."""
    nanoseconds = turns = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                # On the processor, waiting for it, turns.
                on_processor, _, count = task.read_text().split()
                nanoseconds += int(on_processor)
                turns += int(count)
    return Usage(nanoseconds / 1e9, turns)


class PeakMemory:
    """The most that a process and what it started hold together, looked at now and then."""

    _PAUSE_S = 0.2
    # To look takes long with thousands of processes: no more than this share of the time.
    _SHARE = 0.1

    def __init__(self, pid: int) -> None:
        """Of this one."""
        self.megabytes = 0.0
        self._pid = pid
        self._end = threading.Event()

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """From another thread, until left."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._end.set()
            watcher.join()

    def _watch(self) -> None:
        pause = self._PAUSE_S
        while not self._end.wait(pause):
            start = time.perf_counter()
            with contextlib.suppress(psutil.NoSuchProcess):
                self.megabytes = max(self.megabytes, proportional(family(self._pid)))
            pause = max(self._PAUSE_S, (time.perf_counter() - start) / self._SHARE)
