# SPDX-License-Identifier: Apache-2.0
"""A simulated process as Python sees it: who it is, its greenlets, and its random streams."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

import greenlet


class ProcessGone(SystemExit):
    """Unwinds the greenlets of a process that has crashed or exited.

    Not an Exception, so that a program's own handlers do not hold it up; a SystemExit, which
    event loops let pass. What the program does
    while it unwinds reaches nobody: its output, its messages and its errors are dropped.
    """


class ProcessGreenlet(greenlet.greenlet):  # type: ignore[misc]
    """A thread of a simulated process."""

    def __init__(self, process: Process, run: Callable[[], Any], ident: int) -> None:
        """Prepares a thread.

        `ident` is what threading.get_ident() returns in it; 0 for the process's main thread.
        """
        super().__init__(run)
        self.process = process
        self.ident = ident


class Process:
    """One simulated process, a driver or a worker, from its start to its death."""

    def __init__(
        self, *, worker: str = "", pid: int, node: str, is_driver: bool, seed: str
    ) -> None:
        """Makes a process.

        Args:
            worker: The world's name for it; a driver has one while it is in a cluster.
            pid: What os.getpid() returns in it.
            node: The name of its node, "n1".
            is_driver: Whether it runs the program itself.
            seed: Of its random streams: the same text gives the same numbers.
        """
        self.worker = worker
        self.pid = pid
        self.node = node
        self.is_driver = is_driver
        self.alive = True
        # The threads that have not ended, oldest first.
        self.greenlets: list[ProcessGreenlet] = []
        # By stream, what was written since the last end of a line.
        self.unfinished_lines: dict[str, str] = {}
        # A worker's sys.stdout and sys.stderr; None until it has run.
        self.streams: tuple[TextIO, TextIO] | None = None
        # Of the language layer, while the process is in a cluster: its runtime, and the execution
        # that code outside any task belongs to.
        self.runtime: Any = None
        self.root: Any = None
        # cloudpickle's memory of classes that it has pickled or unpickled here.
        self.classes_by_id: dict[str, type] = {}
        self.ids_by_class: dict[type, str] = {}
        self._seed = seed
        self._streams: dict[str, random.Random] = {}
        self._extras: dict[str, Any] = {}

    def stream(self, purpose: str) -> random.Random:
        """Returns the random stream for one purpose; streams do not disturb each other."""
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = random.Random(f"{self._seed}/{purpose}")
        return stream

    def extra(self, name: str, make: Callable[[], Any]) -> Any:
        """Returns what `make` made when this process first asked for `name`."""
        if name not in self._extras:
            self._extras[name] = make()
        return self._extras[name]


class Waiter:
    """One wait of one greenlet, ended by a wake or by its timeout, whichever is first."""

    __slots__ = ("done", "greenlet", "sleep", "suspended", "value", "woken")

    def __init__(self) -> None:
        """Starts the wait of the calling greenlet; Hub.wait suspends it."""
        self.greenlet = greenlet.getcurrent()
        self.done = False
        self.woken = False
        self.suspended = False
        self.sleep = 0
        self.value: Any = None


def current() -> Process | None:
    """Returns the process whose code runs now; None in the simulator itself."""
    return getattr(greenlet.getcurrent(), "process", None)


def refuse(call: str, instead: str) -> NoReturn:
    """Raises the error for a call that would leave the simulated world."""
    raise NotSimulatedError(
        f"{call} reaches outside the simulation, where its outcome could not be repeated from a "
        f"seed. Use {instead} instead, or run the program on the real runtime: mobula run."
    )


class NotSimulatedError(OSError):
    """A simulated program called something that exists on real machines only.

    An OSError, because libraries that can do without the call are prepared for that.
    """


class SpinningError(RuntimeError):
    """The code computes, or waits in a loop for something that cannot happen meanwhile."""


class DeadlockError(RuntimeError):
    """Nothing will happen any more in the simulated cluster, and the program still waits."""
