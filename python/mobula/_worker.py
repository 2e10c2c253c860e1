# SPDX-License-Identifier: Apache-2.0
"""The life of a worker process of the real world."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import ctypes
import json
import os
import queue
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from mobula import _core, _job_config, _world
from mobula._executor import Executor
from mobula._host_runtime import HostRuntime


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
        self._executor = Executor(runtime)
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
            self._concurrent = _ThreadedCalls(self._executor, options["max_concurrency"])

    def _interrupt_main(self, signum: int, frame: FrameType | None) -> None:
        if self._executor.running in self._runtime.process.take_interrupts():
            raise KeyboardInterrupt


class _ThreadedCalls:
    """Calls of an actor with max_concurrency above one."""

    def __init__(self, executor: Executor, limit: int) -> None:
        self._executor = executor
        self._limit = limit
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

    def interrupt(self, task: str) -> None:
        for thread in self._threads:
            thread.interrupt(task)


class _CallThread:
    """Runs calls of one actor, one after the other."""

    def __init__(self, executor: Executor, tasks: queue.SimpleQueue[_core.RunningTask]) -> None:
        self._executor = executor
        self._tasks = tasks
        self._running: _core.RunningTask | None = None
        self.finished = 0
        self._thread = threading.Thread(target=self._run, name="mobula-call", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            task = self._running = self._tasks.get()
            try:
                contextvars.Context().run(self._executor.run, task)
            except SystemExit as exit_request:
                leave(exit_request)
            finally:
                self._running = None
            self.finished += 1

    def interrupt(self, task: str) -> None:
        """Takes effect when the thread next runs Python code."""
        running = self._running
        if running is not None and running.task == task:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
            )


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
        except SystemExit as exit_request:
            leave(exit_request)

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
            call.add_done_callback(self._calls.pop)

    def interrupt(self, task: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: str) -> None:
        for call, running in self._calls.items():
            if running.task == task:
                call.cancel()


def leave(request: SystemExit | None = None) -> NoReturn:
    """Ends the process without waiting for its threads, after what exit handlers have to do."""
    import atexit

    code = 0 if request is None else request.code
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
