# SPDX-License-Identifier: Apache-2.0
"""The life of a worker process of the real world."""

from __future__ import annotations

import contextvars
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from mobula import _core, _job_config, _world
from mobula._executor import Executor
from mobula._host_runtime import HostRuntime
from mobula._interrupts import Interrupts

if TYPE_CHECKING:
    from mobula._actor_host import ActorHost
    from mobula._async_calls import AsyncCalls
    from mobula.exceptions import RuntimeEnvSetupError


def run_worker(
    socket_name: str,
    worker: str,
    runtime_env: str,
    session: str,
    *,
    refusal: RuntimeEnvSetupError | None = None,
) -> None:
    """Connects, then runs tasks until told to leave.

    `refusal` is why this process is not in the Python that the environment asks for.
    """
    process = _core.connect(socket_name, worker=worker)
    runtime = HostRuntime(process)
    _world.current.root = runtime.root
    _job_config.apply(runtime.identity["job_config"]["language_config"])
    interrupts = Interrupts()
    executor = Executor(runtime, interrupts)
    if runtime_env:
        # Not above: most workers need nothing of it.
        from mobula._environments import enter

        runtime.environment = json.loads(runtime_env)
        refusal = (
            refusal
            or enter.enter_folders(runtime.environment, session, runtime.fetch_package)
            or enter.run_hook(runtime)
        )
        if refusal is not None:
            executor = enter.RefusingExecutor(executor, refusal)
    _MainLoop(runtime, executor, interrupts).run()


def live(work: Callable[[], None]) -> NoReturn:
    """A worker's life from the moment on when its output is its own; ends the process."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        work()
    except BaseException as error:
        leave(error)
    leave()


class _MainLoop:
    """Takes tasks from the runtime, and runs each where it belongs.

    Tasks and calls of plain actors run one at a time in this, the main thread, where a signal can
    interrupt them. Calls of concurrent actors run in other threads or on an event loop.
    """

    def __init__(self, runtime: HostRuntime, executor: Executor, interrupts: Interrupts) -> None:
        self._runtime = runtime
        self._interrupts = interrupts
        self._executor = executor
        self._concurrent: AsyncCalls | _ThreadedCalls | _GroupedCalls | None = None
        self._is_used = False
        runtime.process.interrupt_with_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._interrupt_main)

    def run(self) -> None:
        while (event := self._runtime.process.next_task()) is not None:
            if isinstance(event, str):
                if self._concurrent is not None:
                    self._concurrent.interrupt(event)
            elif self._concurrent is not None:
                self._concurrent.start(event)
            elif self._is_used:
                self._executor.run(event)
            else:
                self._is_used = True
                self._run_first(event)

    def _run_first(self, task: _core.RunningTask) -> None:
        # Only a process that has run nothing yet becomes an actor.
        options = task.actor_options if task.creates_actor else None
        if options is None or not (options["is_async"] or options["max_concurrency"] > 1):
            self._executor.run(task)
            return
        self._runtime.process.interrupt_through_next_task()
        if options["is_async"]:
            # asyncio is a third of all imports, and few workers need it.
            from mobula._async_calls import AsyncCalls

            # The constructor runs on the loop, too: it may start coroutines.
            self._concurrent = AsyncCalls(self._executor)
            self._concurrent.start(task)
        else:
            self._executor.run(task)
            self._concurrent = self._threads_for(options["max_concurrency"])

    def _threads_for(self, limit: int) -> _ThreadedCalls | _GroupedCalls:
        host = self._runtime.actor_host
        if host is None or not host.concurrency_groups:
            return _ThreadedCalls(self._executor, limit, self._interrupts)
        return _GroupedCalls(
            host,
            {
                group: _ThreadedCalls(self._executor, limit, self._interrupts)
                for group, limit in host.concurrency_groups.items()
            },
        )

    def _interrupt_main(self, signum: int, frame: FrameType | None) -> None:
        for task in self._runtime.process.take_interrupts():
            self._interrupts.interrupt(task)


class _ThreadedCalls:
    """Calls of an actor with max_concurrency above one."""

    def __init__(self, executor: Executor, limit: int, interrupts: Interrupts) -> None:
        self._executor = executor
        self._limit = limit
        self.interrupt = interrupts.interrupt
        self._tasks: queue.SimpleQueue[_core.RunningTask] = queue.SimpleQueue()
        self._started = 0
        self._threads: list[_CallThread] = []

    def start(self, task: _core.RunningTask) -> None:
        self._tasks.put(task)
        self._started += 1
        # One more thread while all are busy.
        if len(self._threads) < self._limit:
            unfinished = self._started - sum(thread.finished for thread in self._threads)
            if unfinished > len(self._threads):
                self._threads.append(_CallThread(self._executor, self._tasks))


class _GroupedCalls:
    """Calls of an actor with concurrency groups, each with threads of its own."""

    def __init__(self, host: ActorHost, groups: dict[str, _ThreadedCalls]) -> None:
        self._host = host
        self._groups = groups
        self.interrupt = groups[""].interrupt

    def start(self, task: _core.RunningTask) -> None:
        self._groups[self._host.group_of(task)].start(task)


class _CallThread:
    """Runs calls of one actor, one after the other."""

    def __init__(self, executor: Executor, tasks: queue.SimpleQueue[_core.RunningTask]) -> None:
        self._executor = executor
        self._tasks = tasks
        self.finished = 0
        threading.Thread(target=self._run, name="mobula-call", daemon=True).start()

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                contextvars.Context().run(self._executor.run, task)
            except BaseException as error:
                leave(error)
            self.finished += 1


def leave(reason: BaseException | None = None) -> NoReturn:
    """Ends the process without waiting for its threads, after what exit handlers have to do."""
    import atexit

    code = reason.code if isinstance(reason, SystemExit) else None if reason is None else 1
    try:
        if not isinstance(reason, SystemExit | None):
            traceback.print_exception(reason)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
