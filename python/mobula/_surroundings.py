# SPDX-License-Identifier: Apache-2.0
"""What others see of a worker of the real world while it runs a task, and what its libraries see.

As in Ray: the process is called `ray::f` while `f` runs, and `ray::IDLE` otherwise; an actor's
`ray::A.method` and `ray::A`. What calls of concurrent actors do at the same time shows in no title.
Names that the cluster does not know stand in lines of the worker's output, by which drivers know
whose the lines that follow are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mobula import _core, _cpu_threads
from mobula._logs import ACTOR_MARK, TASK_MARK
from mobula._titles import Titles

if TYPE_CHECKING:
    from mobula._actor_host import ActorHost
    from mobula._runtime import Runtime


class Surroundings:
    """Of one worker process."""

    def __init__(self, runtime: Runtime) -> None:
        """The worker has run nothing yet."""
        self._titles = Titles()
        self._show = self._titles.show
        self._titles.name("ray::IDLE")
        self._idle = self._titles.prepare("ray::IDLE")
        self._show(self._idle)
        self._has_threads = _cpu_threads.are_free(runtime.environment)
        # Of the last call. The runtime makes another object of the name for each kind of call.
        self._called = ""
        self._name = ""
        self._running = self._idle
        self._cpus: float | None = None
        self._is_marked = False
        self._is_actor = False

    def begin(self, task: _core.RunningTask, called: str) -> None:
        """The code of the task is about to run; ``called`` is its name as ``take_call`` has it."""
        if called is not self._called:
            self._called = called
            self._follow(task)
        self._show(self._running)

    def end(self) -> None:
        """It has run."""
        self._show(self._idle)

    def become_actor(self, creation: _core.RunningTask) -> None:
        """The constructor is about to run, in whichever thread."""
        self._is_actor = True
        self._titles.name(f"ray::{creation.function_name}")
        self._idle = self._titles.prepare(f"ray::{creation.function_name}")

    @staticmethod
    def name_actor(host: ActorHost) -> None:
        """The constructor has run: what the instance calls itself is the name of its lines."""
        own: object = type(host.instance).__repr__
        if own is not object.__repr__:
            _mark(ACTOR_MARK + host.repr())

    def _follow(self, task: _core.RunningTask) -> None:
        """A call of another kind than the last."""
        if self._has_threads and not self._is_actor:
            cpus = task.resources.get("CPU", 0)
            if cpus != self._cpus:
                self._cpus = cpus
                _cpu_threads.follow(cpus)
        name = task.name
        if name == self._name:
            return
        self._name = name
        self._running = self._titles.prepare(f"ray::{name}")
        if self._is_actor or task.creates_actor:
            return
        self._titles.name(f"ray::{name}")
        # The cluster knows the names of functions, and not which of a name's tasks runs where.
        if self._is_marked or name != task.function_name:
            self._is_marked = True
            _mark(TASK_MARK + name)


def _mark(line: str) -> None:
    line = line.replace("\n", " ")
    for stream in (sys.stdout, sys.stderr):
        print(line, file=stream, flush=True)
