# SPDX-License-Identifier: Apache-2.0
"""The life of a worker process of the real world."""

from __future__ import annotations

import collections
import contextvars
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _core, _job_config, _world
from mobula._executor import Executor
from mobula._host_runtime import HostRuntime
from mobula._interrupts import Interrupts
from mobula._surroundings import Surroundings

if TYPE_CHECKING:
    from mobula._actor_host import ActorHost
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
    interrupts = Interrupts(runtime.cancelled)
    if runtime_env:
        runtime.environment = json.loads(runtime_env)
    executor = Executor(runtime, interrupts, Surroundings(runtime))
    if runtime_env:
        # Not above: most workers need nothing of it.
        from mobula._environments import enter

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
        self._is_used = False
        runtime.process.interrupt_with_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._interrupt_main)

    def run(self) -> None:
        while (event := self._runtime.process.next_task()) is not None:
            if isinstance(event, str):
                # An interrupt, which has come by a signal, too.
                continue
            if not self._is_used:
                self._is_used = True
                # Only a process that has run nothing yet becomes an actor.
                options = event.actor_options if event.creates_actor else None
                if options is not None and (options["is_async"] or options["max_concurrency"] > 1):
                    self._run_concurrent(event, options)
                    return
            self._executor.run(event)

    def _run_concurrent(self, task: _core.RunningTask, options: dict[str, Any]) -> None:
        process = self._runtime.process
        process.interrupt_through_next_task()
        if options["is_async"]:
            # asyncio is a third of all imports, and few workers need it.
            from mobula._async_calls import AsyncCalls

            # The constructor runs on the loop, too: it may start coroutines.
            AsyncCalls(process, self._executor, task).run()
        else:
            self._executor.run(task)
            calls = self._threads_for(options["max_concurrency"])
            while (events := process.next_tasks()) is not None:
                for event in events:
                    if isinstance(event, str):
                        self._interrupts.interrupt(event)
                    else:
                        calls.start(event)

    def _threads_for(self, limit: int) -> _ThreadedCalls | _GroupedCalls:
        host = self._runtime.actor_host
        if host is None or not host.concurrency_groups:
            return _ThreadedCalls(self._executor, limit)
        groups = host.concurrency_groups.items()
        return _GroupedCalls(
            host, {group: _ThreadedCalls(self._executor, limit) for group, limit in groups}
        )

    def _interrupt_main(self, signum: int, frame: FrameType | None) -> None:
        for task in self._runtime.process.take_interrupts():
            self._interrupts.interrupt(task)


class _ThreadedCalls:
    """Calls of an actor with max_concurrency above one, in as many threads as they need.

    Whoever takes a call wakes one other thread when more are waiting, and no second one before that
    thread has looked. So calls that never wait run one after the other in one thread, without a
    change of threads for each; and when one waits, the next thread is there.
    """

    def __init__(self, executor: Executor, limit: int) -> None:
        self._executor = executor
        self._limit = limit
        self._waiting: collections.deque[_core.RunningTask] = collections.deque()
        self._changed = threading.Condition(threading.Lock())
        self._threads = 0
        self._idle = 0
        # A thread was woken, or started, and has not looked yet.
        self._is_waking = False

    def start(self, task: _core.RunningTask) -> None:
        with self._changed:
            self._waiting.append(task)
            self._wake()

    def _wake(self) -> None:
        if self._is_waking:
            return
        if self._idle > 0:
            self._is_waking = True
            self._changed.notify()
        elif self._threads < self._limit:
            self._is_waking = True
            self._threads += 1
            threading.Thread(target=self._run, name="mobula-call", daemon=True).start()
        # Else the first that ends its call looks.

    def _run(self) -> None:
        with self._changed:
            self._is_waking = False
        while True:
            task = self._next()
            try:
                contextvars.Context().run(self._executor.run, task)
            except BaseException as error:
                leave(error)

    def _next(self) -> _core.RunningTask:
        with self._changed:
            while not self._waiting:
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
                self._is_waking = False
            task = self._waiting.popleft()
            if self._waiting:
                self._wake()
            return task


class _GroupedCalls:
    """Calls of an actor with concurrency groups, each with threads of its own."""

    def __init__(self, host: ActorHost, groups: dict[str, _ThreadedCalls]) -> None:
        self._host = host
        self._groups = groups

    def start(self, task: _core.RunningTask) -> None:
        self._groups[self._host.group_of(task)].start(task)


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
