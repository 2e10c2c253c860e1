# SPDX-License-Identifier: Apache-2.0
"""Stopping, slowing and killing the processes of a node."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

# Of the on and off of a slow CPU.
_PERIOD_S = 0.02
_GONE_TIMEOUT_S = 2.0
_MADE_TIMEOUT_S = 1.0
# What starts processes of a node; their children are named otherwise once they are made.
_PARENTS = ("mobulad", "mobula-zygote")


def _children_of_all() -> dict[int, list[int]]:
    by_parent: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                by_parent.setdefault(_parent(int(entry)), []).append(int(entry))
    return by_parent


def children(parent: int) -> list[int]:
    """Returns the pids of a process's children."""
    return _children_of_all().get(parent, [])


def descendants(root: int) -> list[int]:
    """Returns the pids below a process."""
    by_parent = _children_of_all()
    found, todo = [], [root]
    while todo:
        below = by_parent.get(todo.pop(), [])
        found.extend(below)
        todo.extend(below)
    return found


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:
        # The name in parentheses may hold anything.
        return int(file.read().rpartition(b")")[2].split()[1])


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Sends a signal to those that still exist."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_tree(root: int) -> None:
    """Kills a process and all below it; returns when none of them runs any more."""
    below = descendants(root)
    send([root, *below], signal.SIGKILL)
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while any(map(_runs, below)) and time.monotonic() < deadline:
        time.sleep(0.001)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _name(pid: int) -> str:
    with open(f"/proc/{pid}/comm") as file:
        return file.read().rstrip("\n")


def _is_being_made(pid: int) -> bool:
    """Whether it has just been forked, and would outlive its parent if it were stopped now."""
    with contextlib.suppress(OSError):
        name = _name(pid)
        return name in _PARENTS and name == _name(_parent(pid))
    return False


def _let_be_made(pids: Iterable[int]) -> None:
    deadline = time.monotonic() + _MADE_TIMEOUT_S
    while any(map(_is_being_made, pids)) and time.monotonic() < deadline:
        time.sleep(0.001)


class Stops:
    """Who stands still because of which faults: SIGSTOP, and SIGCONT when the last is over."""

    def __init__(self) -> None:
        """Nobody."""
        self._stopped: dict[int, set[int]] = {}
        # Faults that stop and continue in turns.
        self._slow: dict[int, _Slowness] = {}

    def stop(self, fault: int, find: Callable[[], Iterable[int]]) -> None:
        """Stops the processes that `find` gives, and those that it gives afterwards."""
        stopped = self._stopped.setdefault(fault, set())
        while new := [pid for pid in find() if pid not in stopped]:
            _let_be_made(new)
            send(new, signal.SIGSTOP)
            stopped.update(new)

    def slow(self, fault: int, factor: float, find: Callable[[], Iterable[int]]) -> None:
        """From now on the processes run for 1/factor of the time only."""
        self._slow[fault] = _Slowness(factor, find)

    def end(self, fault: int) -> None:
        """That fault is over."""
        self._slow.pop(fault, None)
        self._continue(fault)

    def end_all(self) -> None:
        """No fault stops anything any more."""
        self._slow.clear()
        for fault in list(self._stopped):
            self._continue(fault)

    def is_stopped(self, pid: int) -> bool:
        """Whether the process stands still now."""
        return any(pid in pids for pids in self._stopped.values())

    def tick(self) -> float | None:
        """Switches slow CPUs on or off where it is time; returns how long until the next time."""
        waits = []
        for fault, slowness in self._slow.items():
            now = time.monotonic()
            if now >= slowness.next_switch:
                self._switch(fault, slowness, now)
            waits.append(slowness.next_switch - now)
        return max(0.0, min(waits)) if waits else None

    def _switch(self, fault: int, slowness: _Slowness, now: float) -> None:
        if slowness.is_off:
            self._continue(fault)
            slowness.next_switch = now + _PERIOD_S / slowness.factor
        else:
            self.stop(fault, slowness.find)
            slowness.next_switch = now + _PERIOD_S * (1 - 1 / slowness.factor)
        slowness.is_off = not slowness.is_off

    def _continue(self, fault: int) -> None:
        pids = self._stopped.pop(fault, set())
        send([pid for pid in pids if not self.is_stopped(pid)], signal.SIGCONT)


class _Slowness:
    def __init__(self, factor: float, find: Callable[[], Iterable[int]]) -> None:
        self.factor = max(factor, 1.0)
        self.find = find
        self.is_off = False
        self.next_switch = time.monotonic()
