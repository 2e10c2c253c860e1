# SPDX-License-Identifier: Apache-2.0
"""Threads of simulated processes: greenlets, with locks that pass virtual time.

Only what lies below the module threading is replaced (starting a thread, locks, identities);
Thread, Condition, Event, queue.Queue and thread pools are the standard library's own on top.
"""

from __future__ import annotations

import _thread
import _threading_local
import concurrent.futures.thread
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import greenlet

from mobula import _sim_process
from mobula._virtual_patch import put, replace

if TYPE_CHECKING:
    from mobula._sim_hub import Hub

_LIMIT_S = threading.TIMEOUT_MAX


def install(hub: Hub) -> None:
    """Makes threads, locks and thread-local data those of the simulated processes."""
    lock = _lock_class(hub)
    main_ident = threading.get_ident()
    next_ident = iter(range(1, 1 << 62))

    def get_ident() -> int:
        return getattr(greenlet.getcurrent(), "ident", None) or main_ident

    def get_native_id() -> int:
        process = _sim_process.current()
        return process.pid if process and get_ident() == main_ident else get_ident()

    def start_new_thread(
        function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> int:
        process = _sim_process.current()
        if process is None:
            raise RuntimeError("a thread can only be started by a simulated process")
        ident = next(next_ident)

        def run() -> None:
            try:
                function(*args, **(kwargs or {}))
            except SystemExit:
                pass
            finally:
                thread = greenlet.getcurrent()
                for sentinel in getattr(thread, "sentinels", ()):
                    sentinel.release()

        hub.spawn(process, run, ident)
        return ident

    def set_sentinel() -> Any:
        """Returns a lock that is released when the calling thread has ended."""
        sentinel = lock()
        thread = greenlet.getcurrent()
        thread.sentinels = (*getattr(thread, "sentinels", ()), sentinel)
        return sentinel

    replace(_thread, "start_new_thread", start_new_thread)
    put(_thread, "start_new", start_new_thread)
    replace(threading, "get_native_id", get_native_id)
    replace(threading, "get_ident", get_ident)
    put(threading, "_start_new_thread", start_new_thread)
    put(threading, "_set_sentinel", set_sentinel)
    put(threading, "_allocate_lock", lock)
    put(threading, "Lock", lock)
    put(threading, "_CRLock", None)
    put(threading, "local", _threading_local.local)
    put(_threading_local, "current_thread", _holder_of_locals)
    put(threading, "_make_invoke_excepthook", _tell_unless_gone)
    put(queue, "SimpleQueue", queue._PySimpleQueue)  # type: ignore[attr-defined]
    put(concurrent.futures.thread, "_global_shutdown_lock", lock())


_make_invoke_excepthook: Callable[[], Callable[[threading.Thread], None]]
_make_invoke_excepthook = threading._make_invoke_excepthook  # type: ignore[attr-defined]


def _tell_unless_gone() -> Callable[[threading.Thread], None]:
    """Tells ``threading.excepthook`` of a thread that failed, not of one whose process ended."""
    invoke = _make_invoke_excepthook()

    def tell(thread: threading.Thread) -> None:
        if not isinstance(sys.exc_info()[1], _sim_process.ProcessGone):
            invoke(thread)

    return tell


def _holder_of_locals() -> Any:
    """Returns the object that thread-local data belongs to: a thread, or a process's main one.

    A process runs each task on a greenlet of its own, yet all of them on its main thread.
    """
    thread = greenlet.getcurrent()
    if getattr(thread, "ident", None):
        return thread
    return _sim_process.current() or thread


def _nanoseconds(timeout: float) -> int:
    """At least one: who waits for what is left until a moment must come nearer to it."""
    return max(round(timeout * 1e9), 1) if timeout else 0


def _lock_class(hub: Hub) -> type:
    class Lock:
        """A lock that lets the rest of the simulation go on while one waits for it."""

        def __init__(self) -> None:
            self._locked = False
            self._waiters: deque[_sim_process.Waiter] = deque()

        def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
            if timeout != -1 and not blocking:
                raise ValueError("can't specify a timeout for a non-blocking call")
            if timeout != -1 and timeout < 0:
                raise ValueError("timeout value must be a non-negative number")
            if timeout > _LIMIT_S:
                raise OverflowError("timeout value is too large")
            if not self._locked:
                self._locked = True
                return True
            if not blocking:
                return False
            waiter = _sim_process.Waiter()
            self._waiters.append(waiter)
            try:
                # Whoever released the lock has handed it over.
                return hub.wait(waiter, None if timeout == -1 else _nanoseconds(timeout))
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

        def release(self) -> None:
            if not self._locked:
                raise RuntimeError("release unlocked lock")
            while self._waiters:
                if hub.wake(self._waiters.popleft()):
                    return
            self._locked = False

        def locked(self) -> bool:
            return self._locked

        acquire_lock, release_lock, locked_lock = acquire, release, locked

        def __enter__(self) -> bool:
            return self.acquire()

        def __exit__(self, *error: object) -> None:
            self.release()

        def _at_fork_reinit(self) -> None:
            self.__init__()  # type: ignore[misc]

        def __reduce__(self) -> NoReturn:
            raise TypeError("cannot pickle '_thread.lock' object")

        def __repr__(self) -> str:
            state = "locked" if self._locked else "unlocked"
            return f"<{state} _thread.lock object at {id(self):#x}>"

    Lock.__module__, Lock.__name__, Lock.__qualname__ = "_thread", "lock", "lock"
    return Lock


def finish_threads(process: _sim_process.Process) -> None:
    """Does what the interpreter does when a main thread ends: waits for the other threads.

    Idle threads of pools are told to end; daemons are left alone.
    """
    queues = concurrent.futures.thread._threads_queues
    mine = {id(thread) for thread in _threads_of(process)}
    for thread, items in list(queues.items()):
        if id(thread) in mine:
            items.put(None)
    for thread in _threads_of(process):
        if not thread.daemon:
            thread.join()


def _threads_of(process: _sim_process.Process) -> list[threading.Thread]:
    """Returns the threads that a process has started and that have not ended."""
    threads: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
    mine = {thread.ident for thread in process.greenlets if thread.ident}
    return [thread for ident, thread in threads.items() if ident in mine]
