# SPDX-License-Identifier: Apache-2.0
"""Simulated workers: they run tasks on greenlets, an asyncio actor's on its event loop."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import json
import os
import threading
import traceback
from collections.abc import Iterator

from mobula import _core
from mobula._environments.enter import RefusingExecutor, run_hook
from mobula._environments.sim import enter_environment
from mobula._executor import Executor
from mobula._sim_hub import Hub
from mobula._sim_options import session_dir
from mobula._sim_process import Process, ProcessGone, ProcessGreenlet
from mobula._sim_runtime import SimRuntime

# Of threads of concurrent actors; those that user code starts count from 1.
_FIRST_IDENT = 1 << 62


def install(hub: Hub) -> None:
    """Lets the hub start workers and give them their tasks."""
    workers: dict[str, SimWorker] = {}
    idents = iter(range(_FIRST_IDENT, 2 * _FIRST_IDENT))

    def start_worker(process: Process) -> None:
        workers[process.worker] = SimWorker(hub, process, idents)

    def end_worker(worker: str) -> None:
        workers.pop(worker, None)

    hub.start_worker, hub.end_worker = start_worker, end_worker

    def start(worker: str, task: _core.RunningTask, arrived_ns: int) -> None:
        hub.times.arrived(task, arrived_ns)
        workers[worker].start(task)

    hub.handlers["RunTask"] = start
    hub.handlers["LeaveProcess"] = lambda worker, reason: workers[worker].leave(reason)
    hub.handlers["InterruptTask"] = lambda worker, task: workers[worker].interrupt(task)


class SimWorker:
    """One worker process: what a worker's main thread is in the real world."""

    def __init__(self, hub: Hub, process: Process, idents: Iterator[int]) -> None:
        """Prepares a process that has joined the cluster."""
        self._hub = hub
        self._process = process
        self._idents = idents
        self._runtime = SimRuntime(hub, process.worker)
        process.runtime, process.root = self._runtime, self._runtime.root
        self._executor = Executor(self._runtime)
        # Set once the process is an asyncio actor.
        self._loop: asyncio.AbstractEventLoop | None = None
        # What runs each task, by the task's id.
        self._threads: dict[str, ProcessGreenlet] = {}
        # Whether the environment that the first task asks for is made.
        self._has_environment = False
        # Of a threaded actor: the concurrency groups that were called.
        self._gates: dict[str, threading.Semaphore] = {}
        self._coroutines: dict[str, asyncio.Task[None]] = {}

    def start(self, task: _core.RunningTask) -> None:
        """Runs a task; the hub's own greenlet calls."""
        options = task.actor_options
        if options is not None and options["is_async"]:
            # The constructor runs on the loop, too: it may start coroutines.
            self._loop = asyncio.new_event_loop()
            self._hub.spawn(self._process, lambda: self._run_loop(task), next(self._idents))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, task)
            return
        host = self._runtime.actor_host
        ident = next(self._idents) if host is not None and host.is_concurrent else 0
        self._threads[task.task] = self._hub.spawn(
            self._process, lambda: self._run_in_thread(task), ident
        )

    def interrupt(self, task: str) -> None:
        """Breaks a task off, if it still runs."""
        if task in self._threads:
            self._runtime.cancelled.add(task)
            self._hub.interrupt(self._threads[task], KeyboardInterrupt())
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, task)

    def leave(self, reason: str) -> None:
        """Does what a process does at its end, and ends it."""

        def run() -> None:
            atexit._run_exitfuncs()
            self._hub.leave(self._process, reason)

        self._hub.spawn(self._process, run)

    def _run_in_thread(self, task: _core.RunningTask) -> None:
        self._make_environment(task)
        try:
            self._run_in_group(task)
        except BaseException as error:
            self._exit(error)
        finally:
            del self._threads[task.task]
            self._runtime.cancelled.discard(task.task)

    def _run_in_group(self, task: _core.RunningTask) -> None:
        """When fewer calls of its concurrency group than may run do."""
        host = self._runtime.actor_host
        if host is None or not host.concurrency_groups:
            self._run(task)
            return
        group = host.group_of(task)
        if group not in self._gates:
            self._gates[group] = threading.Semaphore(host.concurrency_groups[group])
        try:
            self._gates[group].acquire()
        except KeyboardInterrupt as cancelled:
            self._executor.refuse(task, cancelled)
            return
        try:
            self._run(task)
        finally:
            self._gates[group].release()

    def _run(self, task: _core.RunningTask) -> None:
        with self._hub.times.running(self._process, task):
            self._executor.run(task)

    def _run_loop(self, creation: _core.RunningTask) -> None:
        assert self._loop is not None
        self._make_environment(creation)
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        except BaseException as error:
            self._exit(error)

    def _make_environment(self, task: _core.RunningTask) -> None:
        """Makes what the first task asks for: the other tasks ask for the same."""
        if self._has_environment:
            return
        self._has_environment = True
        os.environ["RAY_RAYLET_PID"] = str(self._hub.daemon_pid(self._process.node))
        text = _core.runtime_env_of(task)
        if text:
            self._runtime.environment = json.loads(text)
            refusal = enter_environment(
                self._runtime.environment, session_dir(), self._runtime.fetch_package
            ) or run_hook(self._runtime)
            if refusal is not None:
                self._executor = RefusingExecutor(self._executor, refusal)

    def _begin(self, task: _core.RunningTask) -> None:
        assert self._loop is not None
        call = self._loop.create_task(self._run_async(task), context=contextvars.Context())
        self._coroutines[task.task] = call
        call.add_done_callback(lambda call: self._end(task, call))

    async def _run_async(self, task: _core.RunningTask) -> None:
        with self._hub.times.running(self._process, task):
            await self._executor.run_async(task)

    def _end(self, task: _core.RunningTask, call: asyncio.Task[None]) -> None:
        del self._coroutines[task.task]
        error = call.exception()
        if error is not None:
            self._exit(error)
        elif self._executor.has_left:
            # Whatever else runs on the loop would keep the actor.
            for other in self._coroutines.values():
                other.cancel()

    def _cancel(self, task: str) -> None:
        assert self._loop is not None
        if task in self._coroutines:
            # After its first step: a coroutine that has not begun would never report its end.
            self._loop.call_soon(self._coroutines[task].cancel)

    def _exit(self, error: BaseException) -> None:
        if isinstance(error, ProcessGone):
            raise error
        atexit._run_exitfuncs()
        if isinstance(error, SystemExit):
            reason = f"the worker called sys.exit({error.code!r})"
        else:
            traceback.print_exception(error)
            reason = f"the worker ended by {type(error).__name__}: {error}"
        self._hub.leave(self._process, reason)
