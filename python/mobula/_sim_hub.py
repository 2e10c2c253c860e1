# SPDX-License-Identifier: Apache-2.0
"""The hub of a simulation: runs the Python code of all simulated processes, one greenlet at a time.

Everything happens on one thread. The hub asks the world for the next action and switches to the
greenlet it concerns; that runs until it blocks or ends, and switches back. So the world is never
on the stack below user code, and which greenlet runs next follows from the world's events alone.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from typing import Any

import greenlet

from mobula._sim_process import Process, ProcessGone, ProcessGreenlet, current
from mobula._virtual_asyncio import SuspendedLoop

# The cycle collector runs only between actions, after so many: what it frees is an event.
_YOUNG_PERIOD = 1_000
_FULL_PERIOD = 50_000


class Waiter:
    """One wait of one greenlet, ended by a wake or by its timeout, whichever is first."""

    __slots__ = ("done", "greenlet", "value", "woken")

    def __init__(self) -> None:
        """Starts the wait of the calling greenlet; Hub.wait() suspends it."""
        self.greenlet = greenlet.getcurrent()
        self.done = False
        self.woken = False
        self.value: Any = None


class Deadlock(Exception):
    """Nothing will happen any more, and the program has not ended."""


class Hub:
    """Switches between the greenlets of simulated processes and the world."""

    def __init__(self, world: Any, *, seed: int) -> None:
        """Makes the hub of `world`, with the driver as its only process."""
        self.world = world
        self.seed = seed
        self.actions = 0
        self.exit_code: int | None = None
        # Called with (process, what the world says) by the name of the action.
        self.handlers: dict[str, Callable[..., None]] = {
            "Completed": self._completed,
            "SleepOver": self._sleep_over,
            "ProcessDead": self._process_dead,
        }
        self._greenlet = greenlet.getcurrent()
        self._processes: dict[str, Process] = {}
        self._sleeping: dict[int, Waiter] = {}
        # Who is told of a completion, by process and request; completions that nobody awaits yet.
        self._awaiting: dict[tuple[str, int], Callable[[Any], None]] = {}
        self._unclaimed: dict[tuple[str, int], Any] = {}
        self._ready: deque[Waiter | ProcessGreenlet] = deque()
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
        sleep = None
        if timeout_ns is not None:
            sleep = self.world.start_sleep("" if process.is_driver else process.worker, timeout_ns)
            self._sleeping[sleep] = waiter
        suspended = SuspendedLoop()
        try:
            self._greenlet.switch()
        finally:
            suspended.resume()
            waiter.done = True
            if sleep is not None and self._sleeping.pop(sleep, None) is not None:
                self.world.cancel_sleep(sleep)
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
            if self._awaiting.pop((worker, request), None) is not None:
                core.abandon(request)
            raise
        return waiter.value

    def when_completed(self, worker: str, request: int, tell: Callable[[Any], Any]) -> None:
        """Calls `tell` with the completion of a request. It must not block."""
        if (worker, request) in self._unclaimed:
            tell(self._unclaimed.pop((worker, request)))
        else:
            self._awaiting[worker, request] = tell

    # ---- Processes

    def add_process(self, process: Process) -> None:
        """Makes a process known under the world's name for it."""
        self._processes[process.worker] = process

    def process(self, worker: str) -> Process:
        """Returns the living process that the world calls `worker`."""
        return self._processes[worker]

    def find_pid(self, pid: int) -> Process | None:
        """Returns the living process of that number."""
        for process in (self.driver, *self._processes.values()):
            if process.pid == pid and process.alive:
                return process
        return None

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

    def throw(self, thread: ProcessGreenlet, error: BaseException) -> None:
        """Raises an error in a suspended thread. Called by the hub's own greenlet only."""
        if not thread.dead:
            thread.throw(error)

    # ---- The loop

    def run(self, main: Callable[[], int]) -> int:
        """Runs `main` as the driver, and everything it brings about; returns its exit code."""
        self.spawn(self.driver, lambda: self._run_driver(main))
        gc.collect()
        gc.disable()
        while True:
            while self._ready and self.exit_code is None:
                self._resume(self._ready.popleft())
            if self.exit_code is not None:
                return self.exit_code
            name, worker, *what = self.world.step()
            self.actions += 1
            self.handlers[name](worker, *what)
            if self.actions % _YOUNG_PERIOD == 0:
                gc.collect(2 if self.actions % _FULL_PERIOD == 0 else 1)

    def _run_driver(self, main: Callable[[], int]) -> None:
        code = main()
        if self.exit_code is None:
            self.exit_code = code

    def _resume(self, next_one: Waiter | ProcessGreenlet) -> None:
        thread = next_one.greenlet if isinstance(next_one, Waiter) else next_one
        if thread.dead or not thread.process.alive:
            return
        thread.switch()
        if thread.dead:
            thread.process.greenlets.remove(thread)

    def _completed(self, worker: str, request: int, value: Any) -> None:
        tell = self._awaiting.pop((worker, request), None)
        if tell is not None:
            tell(value)
        else:
            self._unclaimed[worker, request] = value

    def _sleep_over(self, worker: str, sleep: int) -> None:
        waiter = self._sleeping.pop(sleep, None)
        if waiter is not None and not waiter.done:
            waiter.done = True
            self._ready.append(waiter)

    def _process_dead(self, worker: str, reason: str) -> None:
        process = self._processes.pop(worker, None)
        if process is None:
            return
        process.alive = False
        for thread in list(process.greenlets):
            self._unwind(thread)
        process.greenlets.clear()
        for table in (self._awaiting, self._unclaimed):
            for key in [key for key in table if key[0] == worker]:
                del table[key]

    def _unwind(self, thread: ProcessGreenlet) -> None:
        try:
            thread.throw(ProcessGone())
        except BaseException:  # noqa: B036 - whatever a dead process raises, nobody hears it.
            pass


# The driver's, on the node n1; the world numbers the other processes.
_DRIVER_PID = 1000
