# SPDX-License-Identifier: Apache-2.0
"""What the calls of a pool return: results that come later."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Callable, Iterator
from multiprocessing import TimeoutError
from typing import Any

__all__ = [
    "AsyncResult",
    "Chunk",
    "IMapIterator",
    "OrderedIMapIterator",
    "Outcome",
    "PoolTaskError",
    "UnorderedIMapIterator",
]

# The arguments of some calls of one function.
Chunk = list[tuple[tuple[Any, ...], dict[str, Any]]]
# Whether a call returned, and what it returned or raised; None when it was never made.
Outcome = tuple[bool | None, Any]

_Done = Callable[[list[Outcome] | Exception], None]


class AsyncResult:
    """The result of a call, or of all calls of a map."""

    def __init__(
        self,
        chunk_count: int,
        callback: Callable[[Any], Any] | None,
        error_callback: Callable[[Exception], Any] | None,
        single: bool,
    ) -> None:
        """Waits for so many chunks. A ``single`` call's result is its value; else a list."""
        self._chunks: list[list[Outcome]] = [[] for _ in range(chunk_count)]
        self._missing = chunk_count
        self._callback = callback
        self._error_callback = error_callback
        self._single = single
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._value: Any = None
        self._error: Exception | None = None
        if not chunk_count:
            self._complete()

    def get(self, timeout: float | None = None) -> Any:
        """The value. Raises the first error of a call, or TimeoutError after ``timeout`` s."""
        if not self._event.wait(timeout):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self, timeout: float | None = None) -> None:
        """Waits until it is ready, or ``timeout`` seconds have passed."""
        self._event.wait(timeout)

    def ready(self) -> bool:
        """Whether all calls have ended."""
        return self._event.is_set()

    def successful(self) -> bool:
        """Whether no call raised; ValueError when it is not ready."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error is None

    def _chunk_done(self, index: int, outcome: list[Outcome] | Exception) -> None:
        with self._lock:
            self._chunks[index] = _outcomes(outcome)
            self._missing -= 1
            if self._missing:
                return
        self._complete()

    def _complete(self) -> None:
        outcomes = [outcome for chunk in self._chunks for outcome in chunk]
        self._error = next((value for ok, value in outcomes if not ok), None)
        values = [value for _, value in outcomes]
        self._value = values[0] if self._single else values
        try:
            if self._error is None:
                if self._callback is not None:
                    self._callback(self._value)
            elif self._error_callback is not None:
                self._error_callback(self._error)
        finally:
            self._event.set()


class PoolTaskError(Exception):
    """Stands among the results of an ``imap`` for a call that raised ``underlying``."""

    def __init__(self, underlying: Exception) -> None:
        """From what was raised."""
        super().__init__(underlying)
        self.underlying = underlying


class IMapIterator:
    """The results of an ``imap``, one after the other.

    A call that raised gives a ``PoolTaskError``, as in Ray; the standard library raises it. What
    could not be called, because its process died for instance, is raised.
    """

    def __init__(
        self, start: Callable[[Chunk, _Done], None], chunks: Iterator[Chunk], ahead: int
    ) -> None:
        """Has at most ``ahead`` chunks started whose results nobody has taken."""
        self._start = start
        self._chunks = chunks
        self._ahead = ahead
        # Held while the program's iterator is read; the other while the results are looked at.
        self._reading = threading.Lock()
        self._changed = threading.Condition()
        # By number, of chunks that are done and not taken.
        self._done: dict[int, list[Outcome]] = {}
        self._started = self._taken = 0
        # Of the chunk that was taken last.
        self._outcomes: collections.deque[Outcome] = collections.deque()
        self._start_some(ahead)

    def __iter__(self) -> IMapIterator:
        """Itself."""
        return self

    def __next__(self) -> Any:
        """The next result."""
        return self.next()

    def next(self, timeout: float | None = None) -> Any:
        """The next result; raises TimeoutError after ``timeout`` seconds."""
        if not self._outcomes:
            if self._taken == self._started:
                raise StopIteration
            with self._changed:
                if not self._changed.wait_for(lambda: self._next_done() is not None, timeout):
                    raise TimeoutError
                number = self._next_done()
                assert number is not None
                self._outcomes.extend(self._done.pop(number))
                self._taken += 1
            self._start_some(self._ahead - (self._started - self._taken))
        returned, value = self._outcomes.popleft()
        if returned is None:
            raise value
        return value if returned else PoolTaskError(value)

    def start_all(self) -> None:
        """Starts what has not been started."""
        while self._start_some(self._ahead):
            pass

    def _next_done(self) -> int | None:
        """The number of the chunk to take now, if it is done."""
        raise NotImplementedError

    def _start_some(self, count: int) -> bool:
        """Starts so many chunks, or all there are; whether there may be more."""
        with self._reading:
            return all(self._start_one() for _ in range(count)) and count > 0

    def _start_one(self) -> bool:
        number = self._started
        try:
            chunk = next(self._chunks, None)
        except Exception as error:
            # What the program's iterator raised ends it, and is raised in its place.
            self._chunks = iter(())
            self._started += 1
            self._chunk_done(number, error)
            return False
        if chunk is None:
            return False
        self._started += 1
        self._start(chunk, functools.partial(self._chunk_done, number))
        return True

    def _chunk_done(self, number: int, outcome: list[Outcome] | Exception) -> None:
        with self._changed:
            self._done[number] = _outcomes(outcome)
            self._changed.notify_all()


class OrderedIMapIterator(IMapIterator):
    """In the order of the items."""

    def _next_done(self) -> int | None:
        return self._taken if self._taken in self._done else None


class UnorderedIMapIterator(IMapIterator):
    """In the order in which chunks end."""

    def _next_done(self) -> int | None:
        return next(iter(self._done), None)


def _outcomes(outcome: list[Outcome] | Exception) -> list[Outcome]:
    """Of a chunk: one for each call, or a single one when it failed as a whole."""
    return [(None, outcome)] if isinstance(outcome, Exception) else outcome
