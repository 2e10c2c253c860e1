# SPDX-License-Identifier: Apache-2.0
"""The life of a worker process of the real world."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import ctypes
import json
import os
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
        limit = options["max_concurrency"]
        if options["is_async"]:
            # The constructor runs on the loop, too: it may start coroutines.
            self._concurrent = _AsyncCalls(self._executor, limit)
            self._concurrent.start(task)
        else:
            self._executor.run(task)
            self._concurrent = _ThreadedCalls(self._executor, limit)

    def _interrupt_main(self, signum: int, frame: FrameType | None) -> None:
        if self._executor.running in self._runtime.process.take_interrupts():
            raise KeyboardInterrupt


class _ThreadedCalls:
    """Calls of an actor with max_concurrency above one."""

    def __init__(self, executor: Executor, limit: int) -> None:
        self._executor = executor
        self._pool = concurrent.futures.ThreadPoolExecutor(limit, "mobula-call")
        self._threads: dict[str, int] = {}

    def start(self, task: _core.RunningTask) -> None:
        self._pool.submit(contextvars.Context().run, self._run, task)

    def _run(self, task: _core.RunningTask) -> None:
        self._threads[task.task] = threading.get_ident()
        try:
            self._executor.run(task)
        except SystemExit as exit_request:
            leave(exit_request)
        finally:
            self._threads.pop(task.task, None)

    def interrupt(self, task: str) -> None:
        """Takes effect when the thread next runs Python code."""
        thread = self._threads.get(task)
        if thread is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
            )


class _AsyncCalls:
    """Calls of an asyncio actor, on one event loop in a thread of its own."""

    def __init__(self, executor: Executor, limit: int) -> None:
        self._executor = executor
        self._limit = asyncio.Semaphore(limit)
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run_loop, name="mobula-asyncio", daemon=True).start()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        except SystemExit as exit_request:
            leave(exit_request)

    def start(self, task: _core.RunningTask) -> None:
        self._loop.call_soon_threadsafe(self._start, task)

    def _start(self, task: _core.RunningTask) -> None:
        call = self._loop.create_task(self._run(task), context=contextvars.Context())
        self._calls[task.task] = call
        call.add_done_callback(lambda _: self._calls.pop(task.task, None))

    async def _run(self, task: _core.RunningTask) -> None:
        async with self._limit:
            await self._executor.run_async(task)

    def interrupt(self, task: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: str) -> None:
        call = self._calls.get(task)
        if call is not None:
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
