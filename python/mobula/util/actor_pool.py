# SPDX-License-Identifier: Apache-2.0
"""Work shared out to a fixed set of actors."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mobula._actor_handle import ActorHandle
from mobula._object_ref import ObjectRef
from mobula._objects import get, wait
from mobula.exceptions import ActorDiedError

__all__ = ["ActorPool"]

_Call = Callable[[ActorHandle, Any], ObjectRef]


class ActorPool:
    """Gives each call to an actor that is idle; calls wait while none is.

    >>> import mobula
    >>> from mobula.util import ActorPool
    >>> @mobula.remote(num_cpus=0)
    ... class Doubler:
    ...     def double(self, x):
    ...         return 2 * x
    >>> pool = ActorPool([Doubler.remote(), Doubler.remote()])
    >>> list(pool.map(lambda actor, x: actor.double.remote(x), [1, 2, 3]))
    [2, 4, 6]
    """

    def __init__(self, actors: Iterable[ActorHandle]) -> None:
        """The actors are idle."""
        self._idle = list(actors)
        for actor in self._idle:
            if not isinstance(actor, ActorHandle):
                raise TypeError(f"a pool takes handles of actors, got {actor!r}")
        # Calls that wait for an actor, oldest first.
        self._waiting: collections.deque[tuple[_Call, Any]] = collections.deque()
        # Calls whose results nobody has taken, oldest first, with the actor that works on each.
        self._started: dict[ObjectRef, ActorHandle] = {}

    def submit(self, fn: _Call, value: Any) -> None:
        """Calls ``fn(actor, value)``, which returns a reference, with the next idle actor."""
        self._waiting.append((fn, value))
        self._start_waiting()

    def has_next(self) -> bool:
        """Whether there are results to take, now or later."""
        return bool(self._started)

    def get_next(self, timeout: float | None = None, ignore_if_timedout: bool = False) -> Any:
        """The result of the oldest call; raises what the call raised, or TimeoutError.

        With ``ignore_if_timedout`` the call that took too long is dropped from then on, and its
        actor is given the next one, which it does afterwards.
        """
        return self._take([self._oldest()], timeout, ignore_if_timedout)

    def get_next_unordered(
        self, timeout: float | None = None, ignore_if_timedout: bool = False
    ) -> Any:
        """The result of whichever call is ready first."""
        self._oldest()
        return self._take(list(self._started), timeout, ignore_if_timedout)

    def map(self, fn: _Call, values: Iterable[Any]) -> Iterator[Any]:
        """The results of one call for each value, in the order of the values."""
        return self._map(fn, values, self.get_next)

    def map_unordered(self, fn: _Call, values: Iterable[Any]) -> Iterator[Any]:
        """As ``map``, each as soon as it is ready."""
        return self._map(fn, values, self.get_next_unordered)

    def has_free(self) -> bool:
        """Whether an actor is idle."""
        return bool(self._idle)

    def pop_idle(self) -> ActorHandle | None:
        """Takes an idle actor out of the pool; None when all work."""
        return self._idle.pop() if self._idle else None

    def push(self, actor: ActorHandle) -> None:
        """Adds an actor, which is idle and not in the pool."""
        if actor in self._idle or actor in self._started.values():
            raise ValueError("Actor already belongs to current ActorPool")
        self._idle.append(actor)
        self._start_waiting()

    def _map(self, fn: _Call, values: Iterable[Any], take: Callable[[], Any]) -> Iterator[Any]:
        # Results of calls before are dropped, as Ray does; their actors finish them first.
        for reference in [one for one in self._started]:
            wait([reference])
            self._free(reference)
        for value in values:
            self.submit(fn, value)

        def results() -> Iterator[Any]:
            while self.has_next():
                yield take()

        return results()

    def _oldest(self) -> ObjectRef:
        if not self._started:
            raise StopIteration("No more results to get")
        return next(iter(self._started))

    def _take(self, references: list[ObjectRef], timeout: float | None, ignore: bool) -> Any:
        ready, _ = wait(references, timeout=timeout)
        if not ready:
            message = f"Timed out waiting for result: none was ready within {timeout} s"
            if ignore:
                self._free(references[0])
                message += f". The task {references[0]} has been ignored."
            raise TimeoutError(message)
        try:
            value = get(ready[0])
        except ActorDiedError:
            # The pool goes on without it.
            del self._started[ready[0]]
            raise
        except BaseException:
            self._free(ready[0])
            raise
        self._free(ready[0])
        return value

    def _free(self, reference: ObjectRef) -> None:
        self._idle.append(self._started.pop(reference))
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._idle and self._waiting:
            fn, value = self._waiting.popleft()
            actor = self._idle.pop()
            self._started[fn(actor, value)] = actor
