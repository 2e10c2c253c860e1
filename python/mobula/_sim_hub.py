# SPDX-License-Identifier: Apache-2.0
"""The hub of a simulation: runs the Python code of all simulated processes, one greenlet at a time.

Everything happens on one thread. The hub asks the world for the next action and switches to the
greenlet it concerns; that runs until it blocks or ends, and switches back. So the world is never
on the stack below user code, and which greenlet runs next follows from the world's events alone.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import greenlet

from mobula import _core
from mobula._sim_process import Process, ProcessGone, ProcessGreenlet, Waiter, current
from mobula._sim_times import SimTimes
from mobula._virtual_asyncio import SuspendedLoop
from mobula._virtual_output import process_streams

# The cycle collector runs only between actions, after so many: what it frees is an event.
_YOUNG_PERIOD = 1_000
_FULL_PERIOD = 50_000


class Hub:
    """Switches between the greenlets of simulated processes and the world."""

    def __init__(self, world: Any, *, seed: int) -> None:
        """Makes the hub of `world`, with the driver as its only process."""
        # What workers find as sys.stdout and sys.stderr; the driver has the interpreter's.
        self.worker_streams: tuple[TextIO, TextIO] = process_streams(self)
        # Told of each worker process, when it is a member of the cluster and when it is gone.
        self.start_worker: Callable[[Process], None] = lambda process: None
        self.end_worker: Callable[[str], None] = lambda worker: None
        # Ends the node of that name: in order, or as a crash does.
        self.end_node: Callable[[str, bool], None] = lambda name, graceful: None
        # By the name of an action: called with its process and what else the world says.
        self.handlers: dict[str, Callable[..., None]] = {
            "ProcessReady": self._process_ready,
            "Completed": self._completed,
            "SleepOver": self._sleep_over,
            "ProcessDead": self._process_dead,
        }
        self.reset(world, seed)

    def reset(self, world: Any, seed: int) -> None:
        """Begins anew with another world. Nothing of the present one may run any more."""
        self.world = world
        # They run between two steps, whatever the hub does.
        self.cpp_workers = _core.CppWorkers(world)
        self.seed = seed
        # For `mobula.timeline`.
        self.times = SimTimes(self.now_ns)
        self.actions = 0
        # Grows with each switch to a simulated process.
        self.switches = 0
        self.exit_code: int | None = None
        # Virtual time after which the simulation counts as one that does not end.
        self.limit_ns: int | None = None
        self._greenlet = greenlet.getcurrent()
        self._processes: dict[str, Process] = {}
        # By the world's name of the sleep: who sleeps, until when.
        self._sleeping: dict[int, tuple[Waiter, int]] = {}
        # Who is told of a completion, by process and request; completions that nobody awaits yet.
        self._awaiting: dict[tuple[str, int], Callable[[Any], None]] = {}
        self._unclaimed: dict[tuple[str, int], Any] = {}
        self._joining: dict[str, Waiter] = {}
        self._ready: deque[Waiter | ProcessGreenlet | Callable[[], None]] = deque()
        self.driver = Process(pid=_DRIVER_PID, node="n1", is_driver=True, seed=f"{seed}/driver")

    # ---- For the virtual world and the runtime: called by simulated processes

    def now_ns(self) -> int:
        """Returns the virtual time since the start."""
        return int(self.world.now_ns())

    def spawn(self, process: Process, run: Callable[[], Any], ident: int = 0) -> ProcessGreenlet:
        """Starts a thread in a process, which runs when the caller has blocked."""
        thread = ProcessGreenlet(process, run, ident)
        thread.parent = self._greenlet
        process.greenlets.append(thread)
        self._ready.append(thread)
        return thread

    def wait(self, waiter: Waiter, timeout_ns: int | None = None) -> bool:
        """Suspends the caller until its waiter is woken; returns False when time ran out."""
        process = current()
        if process is None:
            raise RuntimeError("the simulator's own code must not block")
        if not process.alive:
            raise ProcessGone
        if waiter.done:
            return waiter.woken
        if timeout_ns is not None:
            self._start_sleep(process, waiter, self.now_ns() + timeout_ns)
        loop = SuspendedLoop()
        waiter.suspended = True
        try:
            self._greenlet.switch()
            if self._greenlet.dead:
                raise ConnectionError("the simulated process of this program has ended")
        finally:
            waiter.suspended = False
            waiter.done = True
            loop.resume()
            if self._sleeping.pop(waiter.sleep, None) is not None:
                self.world.cancel_sleep(waiter.sleep)
        return waiter.woken

    def wake(self, waiter: Waiter, value: Any = None) -> bool:
        """Ends a wait; returns False when it has ended already."""
        if waiter.done:
            return False
        waiter.done = waiter.woken = True
        waiter.value = value
        self._ready.append(waiter)
        return True

    def sleep_ns(self, span_ns: int) -> None:
        """Lets virtual time pass for the calling thread."""
        self.wait(Waiter(), span_ns)

    def await_request(self, core: Any, worker: str, request: int) -> Any:
        """Suspends the caller until the world has completed its request."""
        taken = core.try_take(request)
        if taken is not None:
            return taken[0]
        waiter = Waiter()
        self.when_completed(worker, request, lambda value: self.wake(waiter, value))
        try:
            self.wait(waiter)
        except BaseException:
            if self.forget(worker, request):
                core.abandon(request)
            raise
        return waiter.value

    def when_completed(self, worker: str, request: int, tell: Callable[[Any], Any]) -> None:
        """Calls `tell` with the completion of a request. It must not block."""
        if (worker, request) in self._unclaimed:
            tell(self._unclaimed.pop((worker, request)))
        else:
            self._awaiting[worker, request] = tell

    def forget(self, worker: str, request: int) -> bool:
        """Undoes when_completed(); returns False when the completion came before."""
        return self._awaiting.pop((worker, request), None) is not None

    def write_output(self, process: Process, is_error: bool, lines: list[str]) -> None:
        """Sends lines that a worker has written on their way to the driver."""
        self.world.write_output(process.worker, is_error, lines)

    def cluster_cpus(self) -> int:
        """Returns the CPUs of all nodes of the simulation."""
        nodes = self.world.node_names()
        return int(sum(self.world.node_resources(node).get("CPU", 0) for node in nodes))

    # ---- Processes

    def add_process(self, process: Process) -> None:
        """Makes a process known under the world's name for it."""
        self._processes[process.worker] = process

    def stop_cluster(self) -> None:
        """Ends all processes but the driver, whose other threads go on without a cluster."""
        self.world.stop_cluster()
        self._processes.pop(self.driver.worker, None)
        sleeping, self._sleeping = list(self._sleeping.values()), {}
        for waiter, until_ns in sleeping:
            if not waiter.done and waiter.greenlet.process is self.driver:
                self._start_sleep(self.driver, waiter, until_ns)
        self.call(self._unwind_all)

    def remove_process(self, worker: str) -> None:
        """Forgets a process that leaves: nothing will be said of it any more."""
        self._processes.pop(worker, None)

    def wait_until_ready(self, worker: str) -> None:
        """Suspends the caller until a process that was added is a member of the cluster."""
        waiter = self._joining[worker] = Waiter()
        self.wait(waiter)

    def has_worker(self, node: str) -> bool:
        """Whether a worker process runs on the node of that name."""
        return any(one.node == node and not one.is_driver for one in self._processes.values())

    def living_processes(self) -> list[Process]:
        """Drivers and workers that are in the cluster, in the order in which they came."""
        return [one for one in self._processes.values() if one.alive]

    def find_pid(self, pid: int) -> Process | None:
        """Returns the living process of that number."""
        for process in (self.driver, *self._processes.values()):
            if process.pid == pid and process.alive:
                return process
        return None

    def daemon_pid(self, node: str) -> int:
        """Returns the number of the daemon of the node of that name."""
        names: list[str] = self.world.node_names()
        return _FIRST_DAEMON_PID + names.index(node)

    def find_daemon(self, pid: int) -> str | None:
        """Returns the name of the running node whose daemon has that number."""
        nodes, index = self.world.node_names(), pid - _FIRST_DAEMON_PID
        runs = 0 <= index < len(nodes) and self.world.node_id(nodes[index])
        return nodes[index] if runs else None

    def end_process(self, process: Process, status: int, reason: str) -> None:
        """Ends a process at once; does not return when it is the caller's own."""
        if process is self.driver:
            process.alive = False
            self.exit_code = status if status >= 0 else 128 - status
        else:
            self.world.crash_process(process.worker, reason)
        if current() is process:
            if not process.alive:
                raise ProcessGone
            self.wait(Waiter())

    def leave(self, process: Process, reason: str) -> None:
        """Ends a worker on its own wish; its threads stop when the caller has blocked or ended."""
        self.world.end_process(process.worker, reason)
        self._ready.append(lambda: self._process_dead(process.worker, reason))

    def call(self, function: Callable[[], None]) -> None:
        """Lets the hub's own greenlet call a function that switches to others."""
        waiter = Waiter()

        def run() -> None:
            function()
            self.wake(waiter)

        self._ready.append(run)
        self.wait(waiter)

    def interrupt_driver(self) -> None:
        """Raises KeyboardInterrupt in the driver's main thread."""
        main = self.driver.greenlets[0]
        if greenlet.getcurrent() is main:
            raise KeyboardInterrupt
        self._ready.append(lambda: self.interrupt(main, KeyboardInterrupt()))

    def interrupt(self, thread: ProcessGreenlet, error: BaseException) -> None:
        """Raises an error in a suspended thread. Called by the hub's own greenlet."""
        if thread and thread.process.alive:
            self._switch(thread, error)

    # ---- The loop

    def run(self, main: Callable[[], int]) -> int:
        """Runs `main` as the driver, and everything it brings about; returns its exit code."""
        self.spawn(self.driver, lambda: self._run_driver(main))
        return self._run_loop()

    def adopt_caller(self) -> None:
        """Makes the calling greenlet the driver's main thread, until `release_caller`.

        The hub's loop runs on a greenlet of its own, whenever the caller waits.
        """
        main: Any = greenlet.getcurrent()
        main.process, main.ident = self.driver, 0
        self.driver.greenlets.append(main)
        self._greenlet = greenlet.greenlet(self._run_loop)

    def release_caller(self) -> None:
        """Undoes `adopt_caller`; the driver's other threads end."""
        main: Any = greenlet.getcurrent()
        self.driver.greenlets.remove(main)
        self.driver.alive = False
        for thread in list(self.driver.greenlets):
            thread.parent = main
            self._unwind(thread)
        del main.process, main.ident
        self._greenlet.parent = main
        if self._greenlet:
            self._greenlet.throw()
        gc.enable()

    def _run_loop(self) -> int:
        gc.collect()
        gc.disable()
        return self.go_on()

    def go_on(self) -> int:
        """Runs the loop to the driver's end; returns its exit code.

        For a handler that has forked this process in the middle of the loop.
        """
        while True:
            while self._ready and self.exit_code is None:
                self._resume(self._ready.popleft())
            if self.exit_code is not None:
                return self.exit_code
            name, worker, *what = self.world.step(self.cpp_workers)
            if name == "Paused":
                # No part of the simulation: what is collected when must not depend on it.
                self.handlers[name](worker)
                continue
            self.actions += 1
            self.handlers[name](worker, *what)
            if self.limit_ns is not None and self.now_ns() > self.limit_ns:
                self.limit_ns = None
                self.handlers["Idle"]("", self.world.waits())
            if self.actions % _YOUNG_PERIOD == 0:
                gc.collect(2 if self.actions % _FULL_PERIOD == 0 else 1)

    def _run_driver(self, main: Callable[[], int]) -> None:
        code = main()
        if self.exit_code is None:
            self.exit_code = code

    def _resume(self, next_one: Waiter | ProcessGreenlet | Callable[[], None]) -> None:
        if isinstance(next_one, ProcessGreenlet):
            thread = next_one
        elif isinstance(next_one, Waiter):
            # An interrupt may have come between the wake and now.
            if not next_one.suspended:
                return
            thread = next_one.greenlet
        else:
            next_one()
            return
        if not thread.dead and thread.process.alive:
            self._switch(thread)

    def _switch(self, thread: ProcessGreenlet, error: BaseException | None = None) -> None:
        self.switches += 1
        with self._streams_of(thread.process), contextlib.suppress(ProcessGone):
            thread.switch() if error is None else thread.throw(error)
        if thread.dead:
            thread.process.greenlets.remove(thread)

    @contextlib.contextmanager
    def _streams_of(self, process: Process) -> Iterator[None]:
        """Lets a worker's code find its own streams in sys."""
        if process.is_driver:
            yield
            return
        outside = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = process.streams or self.worker_streams
        try:
            yield
        finally:
            process.streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = outside

    def _process_ready(self, worker: str, is_driver: bool, node: str, pid: int) -> None:
        if is_driver:
            self.wake(self._joining.pop(worker))
            return
        process = Process(
            worker=worker, pid=pid, node=node, is_driver=False, seed=f"{self.seed}/{worker}"
        )
        self.add_process(process)
        self.start_worker(process)

    def _completed(self, worker: str, request: int, value: Any) -> None:
        tell = self._awaiting.pop((worker, request), None)
        if tell is not None:
            tell(value)
        else:
            self._unclaimed[worker, request] = value

    def _sleep_over(self, worker: str, sleep: int) -> None:
        if sleep not in self._sleeping:
            return
        waiter, _ = self._sleeping.pop(sleep)
        if not waiter.done:
            waiter.done = True
            self._ready.append(waiter)

    def _start_sleep(self, process: Process, waiter: Waiter, until_ns: int) -> None:
        # The driver sleeps on when it is in no cluster.
        sleeper = "" if process.is_driver else process.worker
        waiter.sleep = self.world.start_sleep(sleeper, until_ns - self.now_ns())
        self._sleeping[waiter.sleep] = waiter, until_ns

    def _process_dead(self, worker: str, reason: str) -> None:
        process = self._processes.pop(worker, None)
        if process is None:
            return
        process.alive = False
        if process is self.driver:
            print(f"mobula sim: the driver's process has ended: {reason}", file=sys.stderr)
            self.exit_code = 1
        self.end_worker(worker)
        for thread in list(process.greenlets):
            self._unwind(thread)
        process.greenlets.clear()
        for table in (self._awaiting, self._unclaimed):
            for key in [key for key in table if key[0] == worker]:
                del table[key]

    def _unwind_all(self) -> None:
        self.cpp_workers.unwind_all()
        for worker in list(self._processes):
            self._process_dead(worker, "the cluster was stopped")

    def _unwind(self, thread: ProcessGreenlet) -> None:
        # Whatever a dead process raises, nobody hears it.
        with self._streams_of(thread.process), contextlib.suppress(BaseException):
            thread.throw(ProcessGone())


# Those of daemons; more than a simulation of a laptop's cluster has.
_FIRST_DAEMON_PID = 1 << 20
# The driver's, on the node n1; the world numbers the other processes.
_DRIVER_PID = 1000
