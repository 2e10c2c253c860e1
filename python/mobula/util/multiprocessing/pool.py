# SPDX-License-Identifier: Apache-2.0
"""A pool of actors with the words of ``multiprocessing.pool``."""

from __future__ import annotations

import collections
import functools
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from multiprocessing.pool import (  # type: ignore[attr-defined]
    ExceptionWithTraceback,
    MaybeEncodingError,
)
from types import TracebackType
from typing import Any, NoReturn

import mobula
from mobula.exceptions import ActorDiedError, RayActorError
from mobula.util.debug import log_once
from mobula.util.multiprocessing.results import (
    AsyncResult,
    Chunk,
    IMapIterator,
    OrderedIMapIterator,
    Outcome,
    PoolTaskError,
    UnorderedIMapIterator,
)

__all__ = [
    "AsyncResult",
    "IMapIterator",
    "OrderedIMapIterator",
    "Pool",
    "PoolTaskError",
    "UnorderedIMapIterator",
]

logger = logging.getLogger(__name__)

# Chunks of a map for each process, when the caller does not say how large they are: enough that a
# slow one is made up for by the other processes.
_CHUNKS_PER_PROCESS = 4
# Chunks of an imap that are started, for each process, before their results are asked for.
_AHEAD = 2

# Remote functions, too: the actors then wait for their tasks.
_Function = Callable[..., Any] | mobula.RemoteFunction


class _PoolActor:
    """One process of a pool."""

    def __init__(self, initializer: Callable[..., Any] | None, initargs: tuple[Any, ...]) -> None:
        if initializer is not None:
            initializer(*initargs)

    def run(self, function: Any, chunk: Chunk) -> list[Outcome]:
        """What each call of a chunk returned or raised."""
        if isinstance(function, mobula.RemoteFunction):
            started = [function.remote(*args, **kwargs) for args, kwargs in chunk]
            return [_outcome_of(mobula.get, reference) for reference in started]
        return [_outcome_of(function, *args, **kwargs) for args, kwargs in chunk]


def _outcome_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    try:
        return True, function(*args, **kwargs)
    except Exception as error:
        try:
            mobula.cloudpickle.dumps(error)
        except Exception as reason:
            return False, MaybeEncodingError(reason, error)
        return False, ExceptionWithTraceback(error, error.__traceback__)


class _Worker:
    """One actor, and what it has been given."""

    __slots__ = ("actor", "chunks")

    def __init__(self, actor: mobula.ActorHandle) -> None:
        self.actor = actor
        self.chunks = 0


class _Job:
    """A chunk on its way: what to call, and whom to tell."""

    __slots__ = ("chunk", "done", "function")

    def __init__(
        self, function: Any, chunk: Chunk, done: Callable[[list[Outcome] | Exception], None]
    ) -> None:
        # A function, or a reference to it.
        self.function = function
        self.chunk = chunk
        self.done = done


class Pool:
    """Works like ``multiprocessing.Pool``; its processes are actors, anywhere in the cluster.

    A chunk goes to whichever actor is idle. One that dies fails the chunk that it was at, with
    ``RayActorError``, and is replaced.

    >>> from mobula.util.multiprocessing import Pool
    >>> with Pool(2) as pool:
    ...     pool.map(abs, [-1, -2, 3])
    [1, 2, 3]
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., Any] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
        ray_address: str | None = None,
        ray_remote_args: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts the actors, by default one for each CPU; raises what an initializer raised.

        ``ray_remote_args`` are the options of the actors. ``context`` has no meaning here.
        """
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be a callable, got {initializer!r}")
        if maxtasksperchild is not None and not _is_count(maxtasksperchild):
            raise ValueError(
                f"maxtasksperchild must be a positive int or None, got {maxtasksperchild!r}"
            )
        if context is not None and log_once("context_argument_warning"):
            logger.warning("a pool's context has no effect: its processes are actors of Ray")
        if not mobula.is_initialized():
            local = ray_address in (None, "local")
            mobula.init(address=ray_address, num_cpus=processes if local else None)
        self._processes = _checked_processes(processes)
        self._limit = maxtasksperchild
        options = {"num_cpus": 0, "scheduling_strategy": "SPREAD", **(ray_remote_args or {})}
        self._new_actor = functools.partial(
            mobula.remote(_PoolActor).options(**options).remote, initializer, tuple(initargs or ())
        )
        self._lock = threading.RLock()
        self._idle = [_Worker(self._new_actor()) for _ in range(self._processes)]
        mobula.get([worker.actor.__ray_ready__.remote() for worker in self._idle])
        self._busy: dict[_Worker, _Job] = {}
        self._waiting: collections.deque[_Job] = collections.deque()
        self._imaps: weakref.WeakSet[IMapIterator] = weakref.WeakSet()
        self._closed = False
        # Answered when the actors that were asked to leave have left.
        self._leaving: list[mobula.ObjectRef] = []
        self._all_done = threading.Event()

    # ---- Calls ------------------------------------------------------------------------------

    def apply(
        self,
        func: _Function,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """What ``func(*args, **kwargs)`` returns in one of the actors; raises what it raises."""
        return self.apply_async(func, args, kwargs).get()

    def apply_async(
        self,
        func: _Function,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        callback: Callable[[Any], Any] | None = None,
        error_callback: Callable[[Exception], Any] | None = None,
        *,
        kwds: Mapping[str, Any] | None = None,
    ) -> AsyncResult:
        """As ``apply``, without waiting. The callbacks get the value, or the error.

        The standard library calls the keywords ``kwds``.
        """
        self._check_running()
        chunk: Chunk = [(tuple(args or ()), dict(kwargs or kwds or {}))]
        return self._gather(func, [chunk], callback, error_callback, single=True)

    def map(
        self, func: _Function, iterable: Iterable[Any], chunksize: int | None = None
    ) -> list[Any]:
        """``func`` of each item, in the order of the items."""
        values: list[Any] = self.map_async(func, iterable, chunksize).get()
        return values

    def map_async(
        self,
        func: _Function,
        iterable: Iterable[Any],
        chunksize: int | None = None,
        callback: Callable[[list[Any]], Any] | None = None,
        error_callback: Callable[[Exception], Any] | None = None,
    ) -> AsyncResult:
        """As ``map``, without waiting."""
        calls: Iterator[Any] = (((item,), {}) for item in iterable)
        return self._map_async(func, calls, chunksize, callback, error_callback)

    def starmap(
        self,
        func: _Function,
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
    ) -> list[Any]:
        """As ``map``; each item holds the arguments of a call."""
        values: list[Any] = self.starmap_async(func, iterable, chunksize=chunksize).get()
        return values

    def starmap_async(
        self,
        func: _Function,
        iterable: Iterable[Iterable[Any]],
        callback: Callable[[list[Any]], Any] | None = None,
        error_callback: Callable[[Exception], Any] | None = None,
        *,
        chunksize: int | None = None,
    ) -> AsyncResult:
        """As ``starmap``, without waiting."""
        calls: Iterator[Any] = ((tuple(item), {}) for item in iterable)
        return self._map_async(func, calls, chunksize, callback, error_callback)

    def imap(
        self, func: _Function, iterable: Iterable[Any], chunksize: int | None = 1
    ) -> IMapIterator:
        """As ``map``, one result after the other; reads only a little ahead of what is taken."""
        return self._imap(OrderedIMapIterator, func, iterable, chunksize)

    def imap_unordered(
        self, func: _Function, iterable: Iterable[Any], chunksize: int | None = 1
    ) -> IMapIterator:
        """As ``imap``, each chunk's results as soon as they are there."""
        return self._imap(UnorderedIMapIterator, func, iterable, chunksize)

    # ---- The end ----------------------------------------------------------------------------

    def close(self) -> None:
        """Takes no more work; what was accepted is done, then the actors leave."""
        for iterator in list(self._imaps):
            iterator.start_all()
        with self._lock:
            self._closed = True
            self._leave_if_done()

    def terminate(self) -> None:
        """Ends the actors at once. What was not done yet fails with ``RayActorError``."""
        with self._lock:
            self._closed = True
            dropped, self._waiting = list(self._waiting), collections.deque()
            for worker in [*self._busy, *self._idle]:
                mobula.kill(worker.actor)
            self._idle.clear()
            self._leave_if_done()
        for job in dropped:
            job.done(ActorDiedError("the pool was terminated before it came to this call"))

    def join(self) -> None:
        """Waits until the actors have left; the pool must be closed or terminated before."""
        if not self._closed:
            raise ValueError("Pool is still running")
        self._all_done.wait()
        if self._leaving:
            mobula.wait(self._leaving, num_returns=len(self._leaving))

    def __enter__(self) -> Pool:
        """The pool, for a ``with`` statement that terminates it."""
        self._check_running()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Terminates it."""
        self.terminate()

    def __reduce__(self) -> NoReturn:
        """Refuses, as the standard library's pools do."""
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def _check_running(self) -> None:
        if self._closed:
            raise ValueError("Pool not running")

    # ---- Chunks -----------------------------------------------------------------------------

    def _map_async(
        self,
        function: _Function,
        calls: Iterable[Any],
        chunksize: int | None,
        callback: Callable[[list[Any]], Any] | None,
        error_callback: Callable[[Exception], Any] | None,
    ) -> AsyncResult:
        self._check_running()
        calls = list(calls)
        if chunksize is None:
            chunksize = -(-len(calls) // (self._processes * _CHUNKS_PER_PROCESS)) or 1
        chunks = list(_chunked(calls, chunksize))
        return self._gather(function, chunks, callback, error_callback)

    def _gather(
        self,
        function: _Function,
        chunks: Collection[Chunk],
        callback: Callable[[Any], Any] | None,
        error_callback: Callable[[Exception], Any] | None,
        single: bool = False,
    ) -> AsyncResult:
        _check_callable(function)
        result = AsyncResult(len(chunks), callback, error_callback, single)
        shared = self._shared(function) if len(chunks) > 1 else function
        for index, chunk in enumerate(chunks):
            self._submit(_Job(shared, chunk, functools.partial(result._chunk_done, index)))
        return result

    def _imap(
        self,
        kind: type[IMapIterator],
        function: _Function,
        iterable: Iterable[Any],
        chunksize: int | None,
    ) -> IMapIterator:
        self._check_running()
        _check_callable(function)
        chunks = _chunked(
            (((item,), {}) for item in iterable), 1 if chunksize is None else chunksize
        )
        shared = self._shared(function)

        def start(chunk: Chunk, done: Callable[[list[Outcome] | Exception], None]) -> None:
            self._submit(_Job(shared, chunk, done))

        iterator = kind(start, chunks, ahead=_AHEAD * self._processes)
        self._imaps.add(iterator)
        return iterator

    @staticmethod
    def _shared(function: _Function) -> Any:
        """One copy for all chunks; what cannot be pickled fails with the first of them."""
        try:
            return mobula.put(function)
        except TypeError:
            return function

    def _submit(self, job: _Job) -> None:
        with self._lock:
            self._check_running()
            self._waiting.append(job)
            failed = self._start_waiting()
        _tell(failed)

    def _start_waiting(self) -> list[tuple[_Job, Exception]]:
        """Gives idle actors what waits; returns what cannot even be pickled, to be told."""
        failed = []
        while self._idle and self._waiting:
            worker, job = self._idle.pop(0), self._waiting.popleft()
            try:
                reference = worker.actor.run.remote(job.function, job.chunk)
            except Exception as error:
                self._idle.insert(0, worker)
                failed.append((job, error))
                continue
            worker.chunks += 1
            self._busy[worker] = job
            reference._on_completed(functools.partial(self._finished, worker))
        return failed

    def _finished(self, worker: _Worker, outcome: list[Outcome] | Exception) -> None:
        with self._lock:
            job = self._busy.pop(worker)
            if not self._closed or self._waiting:
                self._idle.append(self._renewed(worker, isinstance(outcome, RayActorError)))
            else:
                self._leaving.append(worker.actor.__ray_terminate__.remote())
            failed = self._start_waiting()
        try:
            job.done(outcome)
            _tell(failed)
        finally:
            with self._lock:
                self._leave_if_done()

    def _renewed(self, worker: _Worker, has_died: bool) -> _Worker:
        """The worker, or another in its place."""
        used_up = self._limit is not None and worker.chunks >= self._limit
        if not has_died and not used_up:
            return worker
        if not has_died:
            self._leaving.append(worker.actor.__ray_terminate__.remote())
        return _Worker(self._new_actor())

    def _leave_if_done(self) -> None:
        if not self._closed or self._waiting or self._busy:
            return
        self._leaving += [worker.actor.__ray_terminate__.remote() for worker in self._idle]
        self._idle.clear()
        self._all_done.set()


def _tell(failed: list[tuple[_Job, Exception]]) -> None:
    for job, error in failed:
        job.done(error)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _checked_processes(processes: int | None) -> int:
    cpus = int(mobula.cluster_resources().get("CPU", 0))
    if processes is None:
        processes = cpus
    if not _is_count(processes):
        raise ValueError(f"Processes in the pool must be >0, and an int; got {processes!r}")
    if processes > cpus:
        raise ValueError(
            f"Tried to start a pool with {processes} processes on an existing ray cluster, but "
            f"there are only {cpus} CPUs in the ray cluster."
        )
    return processes


def _check_callable(function: Any) -> None:
    if not callable(function):
        raise TypeError(f"a pool calls functions, got {function!r}")


def _chunked(calls: Iterable[Any], size: int) -> Iterator[Chunk]:
    if not _is_count(size):
        raise ValueError(f"Chunksize must be 1+, not {size!r}")
    remaining = iter(calls)
    return iter(lambda: list(itertools.islice(remaining, size)), [])
