# SPDX-License-Identifier: Apache-2.0
"""Streams of items that several actors give, transformed where they are."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import mobula
from mobula.actor import ActorHandle
from mobula.util.local_iterator import NOT_READY, LocalIterator, Source, check_concurrency

__all__ = [
    "LocalIterator",
    "ParallelIterator",
    "ParallelIteratorWorker",
    "from_actors",
    "from_items",
    "from_iterators",
    "from_range",
]

# What an actor does to its items; applied to a LocalIterator over them.
_Transform = Callable[[LocalIterator], LocalIterator]


def from_items(items: Sequence[Any], num_shards: int = 2, repeat: bool = False) -> ParallelIterator:
    """The items, dealt out in turn to so many actors; with ``repeat`` again and again."""
    _check_count("num_shards", num_shards)
    shards = [list(items[i::num_shards]) for i in range(num_shards)]
    return from_iterators(shards, repeat, f"from_items[{len(items)}, shards={num_shards}]")


def from_range(n: int, num_shards: int = 2, repeat: bool = False) -> ParallelIterator:
    """The numbers below ``n``, in contiguous parts."""
    _check_count("num_shards", num_shards)
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"from_range takes an int of at least 0, got {n!r}")
    share = n // num_shards
    bounds = [i * share for i in range(num_shards)] + [n]
    shards = [range(start, end) for start, end in itertools.pairwise(bounds)]
    return from_iterators(shards, repeat, f"from_range[{n}, shards={num_shards}]")


def from_iterators(
    generators: Iterable[Any], repeat: bool = False, name: str | None = None
) -> ParallelIterator:
    """An actor for each iterable, or function that returns one.

    >>> from_iterators([range(3), lambda: (x * x for x in range(3))]).gather_sync().take(6)
    [0, 0, 1, 1, 2, 4]
    """
    worker = mobula.remote(ParallelIteratorWorker)
    actors = [worker.remote(generator, repeat) for generator in generators]
    return from_actors(actors, name or f"from_iterators[shards={len(actors)}]")


def from_actors(actors: Sequence[ActorHandle], name: str | None = None) -> ParallelIterator:
    """A shard for each of the actors, whose classes derive from ``ParallelIteratorWorker``."""
    actors = list(actors)
    for actor in actors:
        if not isinstance(actor, ActorHandle) or "par_iter_init" not in dir(actor):
            raise TypeError(
                f"from_actors takes actors whose class derives from ParallelIteratorWorker, "
                f"got {actor!r}"
            )
    shards = [(actor, ()) for actor in actors]
    return ParallelIterator(shards, name or f"from_actors[shards={len(actors)}]")


class ParallelIterator:
    """Items in shards, each of which is with an actor; ``gather_sync`` and the like bring them.

    >>> numbers = from_range(6, num_shards=2).for_each(lambda x: 10 * x)
    >>> numbers.num_shards(), list(numbers.gather_sync())
    (2, [0, 30, 10, 40, 20, 50])
    """

    def __init__(
        self, shards: Sequence[tuple[ActorHandle, tuple[_Transform, ...]]], name: str
    ) -> None:
        """Use ``from_items`` and the like."""
        self._shards = list(shards)
        self.name = name

    def __iter__(self) -> Iterator[Any]:
        """Refuses: there are several ways to bring the items here."""
        raise TypeError(
            "You must use it.gather_sync() or it.gather_async() to iterate over the results of a "
            "ParallelIterator."
        )

    def __repr__(self) -> str:
        """For people."""
        return f"ParallelIterator[{self.name}]"

    # ---- What the actors do ------------------------------------------------------------------

    def _then(self, transform: _Transform, name: str) -> ParallelIterator:
        shards = [(actor, (*transforms, transform)) for actor, transforms in self._shards]
        return ParallelIterator(shards, f"{self.name}.{name}")

    def transform(self, fn: Callable[[Iterator[Any]], Iterable[Any]]) -> ParallelIterator:
        """What ``fn`` makes of the whole stream of each shard."""
        return self._then(lambda items: items.transform(fn), "transform()")

    def for_each(
        self,
        fn: Callable[[Any], Any],
        max_concurrency: int = 1,
        resources: dict[str, Any] | None = None,
    ) -> ParallelIterator:
        """``fn`` of each item; with ``max_concurrency`` other than 1 in tasks, in any order."""
        check_concurrency(max_concurrency)
        return self._then(
            lambda items: items.for_each(fn, max_concurrency, resources), "for_each()"
        )

    def filter(self, fn: Callable[[Any], bool]) -> ParallelIterator:
        """The items for which ``fn`` is true."""
        return self._then(lambda items: items.filter(fn), "filter()")

    def batch(self, n: int) -> ParallelIterator:
        """Lists of ``n`` items of a shard; the last may be shorter."""
        _check_count("n", n)
        return self._then(lambda items: items.batch(n), f"batch({n})")

    def flatten(self) -> ParallelIterator:
        """The members of the items."""
        return self._then(lambda items: items.flatten(), "flatten()")

    def combine(self, fn: Callable[[Any], Iterable[Any]]) -> ParallelIterator:
        """The members of what ``fn`` makes of each item."""
        return self.for_each(fn).flatten()

    def local_shuffle(self, shuffle_buffer_size: int, seed: int | None = None) -> ParallelIterator:
        """Each shard's items in an order by chance, see ``LocalIterator.shuffle``."""
        _check_count("shuffle_buffer_size", shuffle_buffer_size)
        return self._then(
            lambda items: items.shuffle(shuffle_buffer_size, seed),
            f"local_shuffle({shuffle_buffer_size})",
        )

    def repartition(self, num_partitions: int, batch_ms: int = 0) -> ParallelIterator:
        """The same items with so many new actors, which take them in turn from those of now."""
        _check_count("num_partitions", num_partitions)
        actors = self._initialised()

        def slice_of(start: int) -> Callable[[], Iterator[Any]]:
            def request(actor: ActorHandle) -> Any:
                if batch_ms:
                    return actor.par_iter_slice_batch.remote(num_partitions, start, batch_ms)
                return actor.par_iter_slice.remote(num_partitions, start)

            def items() -> Iterator[Any]:
                for taken in _rounds(actors, request, Source()):
                    yield from taken if batch_ms else [taken]

            return items

        partitions = [slice_of(start) for start in range(num_partitions)]
        return from_iterators(partitions, name=f"{self.name}.repartition({num_partitions})")

    # ---- Which actors ------------------------------------------------------------------------

    def union(self, other: ParallelIterator) -> ParallelIterator:
        """The shards of both."""
        if not isinstance(other, ParallelIterator):
            raise TypeError(f"other must be of type ParallelIterator, got {type(other)}")
        return ParallelIterator([*self._shards, *other._shards], f"ParallelUnion[{self}, {other}]")

    def select_shards(self, shards_to_keep: Sequence[int]) -> ParallelIterator:
        """Some of the shards, by their numbers."""
        if len(set(shards_to_keep)) != len(shards_to_keep):
            raise ValueError(f"shards_to_keep has a number twice: {shards_to_keep}")
        kept = [self._shards[self._checked_index(index)] for index in shards_to_keep]
        return ParallelIterator(kept, f"{self.name}.select_shards({len(kept)} shards)")

    def num_shards(self) -> int:
        """How many there are."""
        return len(self._shards)

    def shards(self) -> list[LocalIterator]:
        """Each as an iterator of its own."""
        return [self.get_shard(index) for index in range(self.num_shards())]

    def get_shard(self, shard_index: int, batch_ms: int = 0, num_async: int = 1) -> LocalIterator:
        """One of them as an iterator of its own, in its order."""
        index = self._checked_index(shard_index)
        shard = ParallelIterator([self._shards[index]], f"{self.name}.shard[{index}]")
        _check_batching(batch_ms, num_async)

        def start(waits: bool, source: Source) -> Iterator[Any]:
            [actor] = shard._initialised()
            source.actor = actor
            under_way: collections.deque[Any] = collections.deque()
            while True:
                while len(under_way) < num_async:
                    under_way.append(_request(actor, batch_ms))
                if not waits and not mobula.wait([under_way[0]], timeout=0)[0]:
                    yield NOT_READY
                    continue
                try:
                    taken = mobula.get(under_way.popleft())
                except StopIteration:
                    return
                yield from taken if batch_ms else [taken]

        return LocalIterator(start, shard.name)

    # ---- Bringing the items here -------------------------------------------------------------

    def gather_sync(self) -> LocalIterator:
        """One item of each shard in turn."""

        def start(waits: bool, source: Source) -> Iterator[Any]:
            return _rounds(self._initialised(), lambda actor: _request(actor, 0), source)

        return LocalIterator(start, f"{self.name}.gather_sync()")

    def batch_across_shards(self) -> LocalIterator:
        """Lists of one item of each shard."""

        def start(waits: bool, source: Source) -> Iterator[Any]:
            actors = self._initialised()
            while True:
                requests = [(actor, _request(actor, 0)) for actor in actors]
                batch, actors = [], []
                for actor, reference in requests:
                    try:
                        batch.append(mobula.get(reference))
                    except StopIteration:
                        continue
                    actors.append(actor)
                if not batch:
                    return
                yield batch

        return LocalIterator(start, f"{self.name}.batch_across_shards()")

    def gather_async(self, batch_ms: int = 0, num_async: int = 1) -> LocalIterator:
        """The items as they come; ``num_async`` requests are under way to each actor.

        With ``batch_ms`` an actor gathers items for so many milliseconds before it answers.
        """
        _check_batching(batch_ms, num_async)

        def start(waits: bool, source: Source) -> Iterator[Any]:
            actors = self._initialised()
            under_way = {
                _request(actor, batch_ms): actor for _ in range(num_async) for actor in actors
            }
            while under_way:
                ready, _ = mobula.wait(list(under_way), timeout=None if waits else 0)
                if not ready:
                    yield NOT_READY
                    continue
                actor = under_way.pop(ready[0])
                try:
                    taken = mobula.get(ready[0])
                except StopIteration:
                    # What else was asked of it ends in the same way.
                    continue
                under_way[_request(actor, batch_ms)] = actor
                for item in taken if batch_ms else [taken]:
                    source.actor = actor
                    yield item

        return LocalIterator(start, f"{self.name}.gather_async()")

    def take(self, n: int) -> list[Any]:
        """The first ``n`` items that ``gather_sync`` brings."""
        return self.gather_sync().take(n)

    def show(self, n: int = 20) -> None:
        """Prints the first items that ``gather_sync`` brings."""
        self.gather_sync().show(n)

    def _initialised(self) -> list[ActorHandle]:
        """The actors, told what to do to their items, which they give from the beginning."""
        mobula.get([actor.par_iter_init.remote(list(steps)) for actor, steps in self._shards])
        return [actor for actor, _ in self._shards]

    def _checked_index(self, index: int) -> int:
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"a shard's number is an int, got {index!r}")
        if not 0 <= index < self.num_shards():
            raise ValueError(f"there are shards 0 to {self.num_shards() - 1}, not {index}")
        return index


class ParallelIteratorWorker:
    """An actor with items; classes that derive from it can be shards, see ``from_actors``."""

    def __init__(self, item_generator: Any, repeat: bool) -> None:
        """The items of an iterable, or of what a function returns; for ever with ``repeat``."""
        self._make = item_generator if callable(item_generator) else lambda: item_generator
        self._repeat = repeat
        self._items: Iterator[Any] | None = None
        # By number of the slice: what it has not taken yet.
        self._slices: dict[int, collections.deque[Any]] = {}

    def par_iter_init(self, transforms: Sequence[_Transform]) -> None:
        """Begins to give the transformed items."""
        items = LocalIterator.of(self._all_items)
        for transform in transforms:
            items = transform(items)
        self._items = items.start(True, Source())
        self._slices = {}

    def _all_items(self) -> Iterator[Any]:
        yield from self._make()
        while self._repeat:
            yield from self._make()

    def par_iter_next(self) -> Any:
        """The next item; StopIteration behind the last."""
        assert self._items is not None, "par_iter_init must be called first"
        return next(self._items)

    def par_iter_next_batch(self, batch_ms: int) -> list[Any]:
        """The items that come within so many milliseconds, at least one."""
        return _for_a_while(self.par_iter_next, batch_ms)

    def par_iter_slice(self, step: int, start: int) -> Any:
        """The next of every ``step``-th item from number ``start`` on."""
        waiting = self._slices.setdefault(start, collections.deque())
        while not waiting:
            for number in range(step):
                try:
                    item = self.par_iter_next()
                except StopIteration:
                    break
                self._slices.setdefault(number, collections.deque()).append(item)
            else:
                continue
            if not waiting:
                raise StopIteration
        return waiting.popleft()

    def par_iter_slice_batch(self, step: int, start: int, batch_ms: int) -> list[Any]:
        """As ``par_iter_slice``: what comes within so many milliseconds, at least one."""
        return _for_a_while(lambda: self.par_iter_slice(step, start), batch_ms)


def _for_a_while(take: Callable[[], Any], batch_ms: int) -> list[Any]:
    end = time.monotonic() + batch_ms / 1000
    batch = [take()]
    while time.monotonic() < end:
        try:
            batch.append(take())
        except StopIteration:
            break
    return batch


def _request(actor: ActorHandle, batch_ms: int) -> Any:
    if batch_ms:
        return actor.par_iter_next_batch.remote(batch_ms)
    return actor.par_iter_next.remote()


def _rounds(
    actors: Sequence[ActorHandle],
    request: Callable[[ActorHandle], Any],
    source: Source,
) -> Iterator[Any]:
    """One answer of each actor in turn, while it has some; each is asked ahead for its next."""
    under_way = collections.deque((actor, request(actor)) for actor in actors)
    while under_way:
        actor, reference = under_way.popleft()
        try:
            item = mobula.get(reference)
        except StopIteration:
            continue
        under_way.append((actor, request(actor)))
        source.actor = actor
        yield item


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1, got {value!r}")


def _check_batching(batch_ms: Any, num_async: Any) -> None:
    if isinstance(batch_ms, bool) or not isinstance(batch_ms, (int, float)) or batch_ms < 0:
        raise ValueError(f"batch_ms must be a number of at least 0, got {batch_ms!r}")
    _check_count("num_async", num_async)
