# SPDX-License-Identifier: Apache-2.0
"""The life of a worker process of the real world."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import json
import os
import queue
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import NoReturn

from mobula import _core, _job_config, _world
from mobula._executor import Executor
from mobula._host_runtime import HostRuntime
from mobula._interrupts import Interrupts


def run_worker(socket_name: str, worker: str, runtime_env: str) -> None:
    """Connects, then runs tasks until told to leave."""
    process = _core.connect(socket_name, worker=worker)
    runtime = HostRuntime(process)
    _world.current.root = runtime.root
    _job_config.apply(runtime.identity["job_config"]["language_config"])
    if runtime_env:
        _job_config.apply_runtime_env(json.loads(runtime_env))
    _MainLoop(runtime).run()


class _MainLoop:
    """Takes tasks from the runtime, and runs each where it belongs.

    Tasks and calls of plain actors run one at a time in this, the main thread, where a signal can
    interrupt them. Calls of concurrent actors run in other threads or on an event loop.
    """

    def __init__(self, runtime: HostRuntime) -> None:
        self._runtime = runtime
        self._interrupts = Interrupts()
        self._executor = Executor(runtime, self._interrupts)
        self._concurrent: _AsyncCalls | _ThreadedCalls | None = None
        runtime.process.interrupt_with_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._interrupt_main)

    def run(self) -> None:
        while (event := self._runtime.process.next_task()) is not None:
            if isinstance(event, str):
                if self._concurrent is not None:
                    self._concurrent.interrupt(event)
            elif self._concurrent is not None:
                self._concurrent.start(event)
            else:
                self._run_here_or_make_room(event)

    def _run_here_or_make_room(self, task: _core.RunningTask) -> None:
        options = task.actor_options if task.creates_actor else None
        if options is None or not (options["is_async"] or options["max_concurrency"] > 1):
            self._executor.run(task)
            return
        self._runtime.process.interrupt_through_next_task()
        if options["is_async"]:
            # The constructor runs on the loop, too: it may start coroutines.
            self._concurrent = _AsyncCalls(self._executor)
            self._concurrent.start(task)
        else:
            self._executor.run(task)
            limit = options["max_concurrency"]
            self._concurrent = _ThreadedCalls(self._executor, limit, self._interrupts)

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


class _AsyncCalls:
    """Calls of an asyncio actor, on one event loop in a thread of its own.

    The runtime hands out no more of them at once than the actor allows.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # Taken from the runtime; the loop is told once for all that it has not looked at.
        self._arrived: collections.deque[_core.RunningTask] = collections.deque()
        self._is_told = False
        self._calls: dict[asyncio.Task[None], _core.RunningTask] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run_loop, name="mobula-asyncio", daemon=True).start()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        except BaseException as error:
            leave(error)

    def start(self, task: _core.RunningTask) -> None:
        self._arrived.append(task)
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._start_arrived)

    def _start_arrived(self) -> None:
        # First, so that whatever comes from here on is told again.
        self._is_told = False
        while self._arrived:
            task = self._arrived.popleft()
            call = self._loop.create_task(
                self._executor.run_async(task), context=contextvars.Context()
            )
            self._calls[call] = task
            call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        del self._calls[call]
        error = call.exception()
        if error is not None:
            leave(error)

    def interrupt(self, task: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: str) -> None:
        for call, running in self._calls.items():
            if running.task == task:
                # After its first step: a coroutine that has not begun never reports its end.
                self._loop.call_soon(call.cancel)


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
