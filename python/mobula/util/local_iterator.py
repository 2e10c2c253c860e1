# SPDX-License-Identifier: Apache-2.0
"""Iterators with transformations, which this process carries out when it asks for items."""

from __future__ import annotations

import collections
import copy
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import mobula
from mobula.actor import ActorHandle

__all__ = ["LocalIterator", "Source"]

# How long one waits before asking again iterators of which none has an item.
_POLL_S = 0.001
# How many items one of several streams gives at most in its turn when it has them.
_EAGER = 100


class _NotReady:
    """Stands for an item that is not there yet, where one must not wait for it."""

    def __reduce__(self) -> str:
        return "NOT_READY"


NOT_READY = _NotReady()


class Source:
    """Where the item comes from that an iterator gave last."""

    def __init__(self) -> None:
        """From nowhere."""
        self.actor: ActorHandle | None = None


# Begins to give items; without waiting it gives NOT_READY in the place of those to come.
Start = Callable[[bool, Source], Iterator[Any]]
_Transform = Callable[[Iterator[Any], Source], Iterator[Any]]


def check_concurrency(max_concurrency: Any) -> None:
    """Raises for what is no number of tasks."""
    if isinstance(max_concurrency, bool) or not isinstance(max_concurrency, int):
        raise TypeError(f"max_concurrency must be an int, got {max_concurrency!r}")
    if max_concurrency < 0:
        raise ValueError(f"max_concurrency must be non-negative, got {max_concurrency}")


class LocalIterator:
    """Items of one stream; may be sent to another process, which then reads it instead.

    >>> LocalIterator.of(lambda: range(10)).filter(lambda x: x % 2).batch(2).take(2)
    [[1, 3], [5, 7]]
    """

    def __init__(self, start: Start, name: str = "", transforms: Sequence[_Transform] = ()) -> None:
        """Use a ``ParallelIterator``, or ``of``."""
        self.name = name
        self._start = start
        self._transforms = tuple(transforms)
        # A transformation by the program knows nothing of items that are not ready.
        self._always_waits = False
        self._built: Iterator[Any] | None = None

    @classmethod
    def of(cls, make: Callable[[], Iterable[Any]], name: str = "") -> LocalIterator:
        """The items of what ``make()`` returns."""
        return cls(lambda waits, source: iter(make()), name)

    def __getstate__(self) -> dict[str, Any]:
        """All but how far it has been read."""
        return {**self.__dict__, "_built": None}

    def __iter__(self) -> Iterator[Any]:
        """Itself, behind what was read already."""
        return self

    def __next__(self) -> Any:
        """The next item."""
        if self._built is None:
            self._built = self.start(True, Source())
        return next(self._built)

    def __repr__(self) -> str:
        """For people."""
        return f"LocalIterator[{self.name}]"

    def start(self, waits: bool, source: Source) -> Iterator[Any]:
        """A stream of its own of the items, from the beginning."""
        items = self._start(waits or self._always_waits, source)
        for transform in self._transforms:
            items = transform(items, source)
        return items

    def _then(self, transform: _Transform, name: str) -> LocalIterator:
        other = copy.copy(self)
        other._built = None
        other.name = f"{self.name}.{name}"
        other._transforms = (*self._transforms, transform)
        return other

    def transform(self, fn: Callable[[Iterator[Any]], Iterable[Any]]) -> LocalIterator:
        """What ``fn`` makes of the whole stream."""
        other = self._then(lambda items, source: iter(fn(items)), "transform()")
        other._always_waits = True
        return other

    def for_each(
        self,
        fn: Callable[[Any], Any],
        max_concurrency: int = 1,
        resources: dict[str, Any] | None = None,
    ) -> LocalIterator:
        """``fn`` of each item; with ``max_concurrency`` other than 1 in tasks, in any order.

        So many tasks are under way, with the options ``resources``; 0 means no limit.
        """
        check_concurrency(max_concurrency)
        if max_concurrency == 1:
            return self._then(
                lambda items, source: (item if item is NOT_READY else fn(item) for item in items),
                "for_each()",
            )
        task = mobula.remote(fn)
        if resources:
            task = task.options(**resources)
        return self._then(
            lambda items, source: _in_tasks(items, task, max_concurrency), "for_each()"
        )

    def filter(self, fn: Callable[[Any], bool]) -> LocalIterator:
        """The items for which ``fn`` is true."""
        return self._then(
            lambda items, source: (item for item in items if item is NOT_READY or fn(item)),
            "filter()",
        )

    def batch(self, n: int) -> LocalIterator:
        """Lists of ``n`` items; the last may be shorter."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"a batch has at least 1 item; got {n!r}")
        return self._then(lambda items, source: _batches(items, n), f"batch({n})")

    def flatten(self) -> LocalIterator:
        """The members of the items."""
        return self._then(lambda items, source: _members(items), "flatten()")

    def combine(self, fn: Callable[[Any], Iterable[Any]]) -> LocalIterator:
        """The members of what ``fn`` makes of each item."""
        return self.for_each(fn).flatten()

    def shuffle(self, shuffle_buffer_size: int, seed: int | None = None) -> LocalIterator:
        """Each time one of the next ``shuffle_buffer_size`` items, by chance."""
        if isinstance(shuffle_buffer_size, bool) or not isinstance(shuffle_buffer_size, int):
            raise TypeError(f"shuffle_buffer_size must be an int, got {shuffle_buffer_size!r}")
        if shuffle_buffer_size < 1:
            raise ValueError(f"shuffle_buffer_size must be at least 1, got {shuffle_buffer_size}")
        return self._then(
            lambda items, source: _shuffled(items, shuffle_buffer_size, seed),
            f"shuffle({shuffle_buffer_size})",
        )

    def zip_with_source_actor(self) -> LocalIterator:
        """Pairs of the actor that gave an item, and the item."""

        def zipped(items: Iterator[Any], source: Source) -> Iterator[Any]:
            for item in items:
                yield item if item is NOT_READY else (source.actor, item)

        return self._then(zipped, "zip_with_source_actor()")

    def take(self, n: int) -> list[Any]:
        """The next ``n`` items, or as many as there are."""
        return list(itertools.islice(self, n))

    def show(self, n: int = 20) -> None:
        """Prints the next items."""
        for item in self.take(n):
            print(item)

    def union(
        self,
        *others: LocalIterator,
        deterministic: bool = False,
        round_robin_weights: Sequence[int | str] | None = None,
    ) -> LocalIterator:
        """The items of all, as they are ready; with ``deterministic`` one of each in turn.

        With weights so many of each in turn; "*" means those that are ready.
        """
        every = [self, *others]
        for one in others:
            if not isinstance(one, LocalIterator):
                raise TypeError(f"other must be of type LocalIterator, got {type(one)}")
        weights = round_robin_weights or [1] * len(every)
        if len(weights) != len(every) or not all(map(_is_weight, weights)):
            raise ValueError(
                f"round_robin_weights must be an int of at least 1 or '*' for each of the "
                f"{len(every)} iterators, got {weights!r}"
            )
        block = deterministic or bool(round_robin_weights)

        def start(waits: bool, source: Source) -> Iterator[Any]:
            return _united(every, weights, block, waits, source)

        names = ", ".join(map(repr, every))
        return LocalIterator(start, f"LocalUnion[{names}]")

    def duplicate(self, n: int) -> list[LocalIterator]:
        """Several iterators that each have all items; what only some have read is kept."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise ValueError(f"Number of copies must be >= 2; got {n!r}")
        queues: list[collections.deque[Any]] = [collections.deque() for _ in range(n)]

        def start_of(mine: collections.deque[Any]) -> Start:
            def start(waits: bool, source: Source) -> Iterator[Any]:
                while True:
                    if not mine and not waits and any(queues):
                        # The others first, so that nothing piles up.
                        yield NOT_READY
                        continue
                    if not mine:
                        try:
                            item = next(self)
                        except StopIteration:
                            return
                        for queue in queues:
                            queue.append(item)
                    yield mine.popleft()

            return start

        return [LocalIterator(start_of(queue), f"{self.name}.duplicate()") for queue in queues]


def _is_weight(weight: Any) -> bool:
    return weight == "*" or (type(weight) is int and weight > 0)


def _in_tasks(items: Iterator[Any], task: Any, limit: int) -> Iterator[Any]:
    waiting: list[Any] = []
    for item in items:
        if item is NOT_READY:
            yield item
            continue
        if limit and len(waiting) >= limit:
            [ready], waiting = mobula.wait(waiting)
            yield mobula.get(ready)
        waiting.append(task.remote(item))
    while waiting:
        [ready], waiting = mobula.wait(waiting)
        yield mobula.get(ready)


def _batches(items: Iterator[Any], n: int) -> Iterator[Any]:
    batch: list[Any] = []
    for item in items:
        if item is NOT_READY:
            yield item
            continue
        batch.append(item)
        if len(batch) == n:
            yield batch
            batch = []
    if batch:
        yield batch


def _members(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        if item is NOT_READY:
            yield item
        else:
            yield from item


def _shuffled(items: Iterator[Any], size: int, seed: int | None) -> Iterator[Any]:
    chance = random.Random(seed)
    buffer: list[Any] = []
    for item in items:
        if item is NOT_READY:
            yield item
            continue
        buffer.append(item)
        if len(buffer) >= size:
            yield buffer.pop(chance.randrange(len(buffer)))
    while buffer:
        yield buffer.pop(chance.randrange(len(buffer)))


def _united(
    every: Sequence[LocalIterator],
    weights: Sequence[int | str],
    block: bool,
    waits: bool,
    source: Source,
) -> Iterator[Any]:
    # Of each: its items, what it knows of their source, and how many it gives in its turn.
    streams = []
    for iterator, weight in zip(every, weights, strict=True):
        own = Source()
        items = iterator.start(block and weight != "*", own)
        streams.append((items, own, _EAGER if weight == "*" else int(weight)))
    while streams:
        found = False
        for stream in list(streams):
            items, own, turns = stream
            for _ in range(turns):
                try:
                    item = next(items)
                except StopIteration:
                    streams.remove(stream)
                    found = True
                    break
                if item is NOT_READY:
                    break
                found = True
                source.actor = own.actor
                yield item
        if not found:
            if waits:
                time.sleep(_POLL_S)
            else:
                yield NOT_READY
