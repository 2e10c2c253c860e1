# SPDX-License-Identifier: Apache-2.0
"""ray.util.iter: streams of items from several actors, transformed where they are."""

import collections
import itertools
import os
import time

import pytest
import ray
from ray.util.iter import (
    LocalIterator,
    ParallelIterator,
    ParallelIteratorWorker,
    from_actors,
    from_items,
    from_iterators,
    from_range,
)

pytestmark = [
    pytest.mark.usefixtures("ray_start_4_cpus"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_items_are_dealt_out_and_come_in_turn():
    it = from_items([1, 2, 3, 4], num_shards=2)
    assert isinstance(it, ParallelIterator)
    assert it.num_shards() == 2
    assert isinstance(it.gather_sync(), LocalIterator)
    assert list(it.gather_sync()) == [1, 2, 3, 4]
    assert [list(shard) for shard in it.shards()] == [[1, 3], [2, 4]]
    assert sorted(it.gather_async()) == [1, 2, 3, 4]


def test_a_range_is_split_into_parts():
    it = from_range(7, num_shards=3)
    assert [list(shard) for shard in it.shards()] == [[0, 1], [2, 3], [4, 5, 6]]
    assert list(it.gather_sync()) == [0, 2, 4, 1, 3, 5, 6]
    assert list(from_range(0).gather_sync()) == []


def test_iterables_and_functions_that_make_them():
    it = from_iterators([range(3), lambda: (x * x for x in range(3)), "ab"])
    assert list(it.gather_sync()) == [0, 0, "a", 1, 1, "b", 2, 4]
    with pytest.raises(TypeError):
        from_iterators([(x for x in range(3))])


def test_repeated_items_never_end():
    assert from_items([1, 2], num_shards=1, repeat=True).take(5) == [1, 2, 1, 2, 1]
    assert from_range(1, num_shards=1, repeat=True).gather_async().take(3) == [0, 0, 0]


def test_transformations_run_in_the_actors():
    it = from_range(8, num_shards=2)
    assert list(it.for_each(lambda x: x * 10).gather_sync()) == [0, 40, 10, 50, 20, 60, 30, 70]
    assert list(it.filter(lambda x: x % 2).gather_sync()) == [1, 5, 3, 7]
    assert list(it.batch(3).gather_sync()) == [[0, 1, 2], [4, 5, 6], [3], [7]]
    assert list(it.batch(2).flatten().gather_sync()) == list(it.gather_sync())
    assert list(it.combine(lambda x: [x] * (x == 5)).gather_sync()) == [5]
    assert list(it.transform(lambda items: [sum(items)]).gather_sync()) == [6, 22]
    both = it.for_each(lambda x: x + 1).filter(lambda x: x > 2).batch(2)
    assert list(both.gather_sync()) == [[3, 4], [5, 6], [7, 8]]
    pids = set(it.for_each(lambda _: os.getpid()).gather_sync())
    assert len(pids) == 2
    assert os.getpid() not in pids
    # What it was made from is as it was.
    assert it.take(2) == [0, 4]


def test_functions_can_run_in_tasks():
    def slow(x):
        time.sleep(0.3)
        return x

    it = from_range(4, num_shards=1)
    started = time.monotonic()
    found = it.for_each(slow, max_concurrency=4, resources={"num_cpus": 0.5}).gather_sync()
    assert sorted(found) == [0, 1, 2, 3]
    assert time.monotonic() - started < 10
    assert sorted(it.for_each(slow, max_concurrency=0).gather_sync()) == [0, 1, 2, 3]


def test_a_shuffle_stays_within_its_buffer():
    it = from_range(100, num_shards=1)
    shuffled = list(it.local_shuffle(10, seed=1).gather_sync())
    assert shuffled != list(range(100))
    assert sorted(shuffled) == list(range(100))
    assert shuffled[0] < 10
    assert shuffled == list(it.local_shuffle(10, seed=1).gather_sync())
    assert list(it.local_shuffle(1).gather_sync()) == list(range(100))


def test_partitions_can_be_made_anew():
    it = from_range(8, num_shards=2).repartition(3)
    assert [list(shard) for shard in it.shards()] == [[0, 4, 3, 7], [1, 5], [2, 6]]
    batched = from_range(100, num_shards=2).repartition(3, batch_ms=10)
    assert sorted(batched.gather_sync()) == list(range(100))
    assert list(from_range(4, num_shards=4).repartition(1).gather_sync()) == [0, 1, 2, 3]


def test_gather_async_does_not_wait_for_the_slow():
    def items(pause):
        def make():
            for i in range(3):
                time.sleep(pause)
                yield i

        return make

    it = from_iterators([items(1), items(0)])
    assert it.gather_async().take(3) == [0, 1, 2]
    assert sorted(it.gather_async(batch_ms=5)) == [0, 0, 1, 1, 2, 2]
    assert sorted(it.gather_async(num_async=3)) == [0, 0, 1, 1, 2, 2]


def test_batches_across_shards():
    it = from_iterators([range(3), range(10, 12)])
    assert list(it.batch_across_shards()) == [[0, 10], [1, 11], [2]]


def test_unions_and_selections_of_shards():
    first, second = from_items([1, 2], num_shards=1), from_items([3, 4], num_shards=1)
    both = first.for_each(lambda x: -x).union(second)
    assert both.num_shards() == 2
    assert list(both.gather_sync()) == [-1, 3, -2, 4]
    assert list(both.select_shards([1]).gather_sync()) == [3, 4]
    assert list(both.get_shard(0, batch_ms=1)) == [-1, -2]
    assert list(both.get_shard(0, num_async=2)) == [-1, -2]


def test_actors_of_a_class_of_the_program():
    @ray.remote
    class Squares(ParallelIteratorWorker):
        def __init__(self, n):
            super().__init__(range(n), False)
            self.n = n

        def get_n(self):
            return self.n

    actors = [Squares.remote(n) for n in (1, 2)]
    it = from_actors(actors).for_each(lambda x: x * x)
    assert list(it.gather_sync()) == [0, 0, 1]
    assert ray.get([actor.get_n.remote() for actor in actors]) == [1, 2]
    pairs = list(it.gather_sync().zip_with_source_actor())
    assert pairs == [(actors[0], 0), (actors[1], 0), (actors[1], 1)]
    assert {actor for actor, _ in it.gather_async().zip_with_source_actor()} == set(actors)


def test_local_iterators_transform_here():
    local = from_range(10, num_shards=2).gather_sync()
    assert list(local.for_each(lambda x: x + 1).filter(lambda x: x > 4).batch(4)) == [
        [6, 7, 8, 9],
        [5, 10],
    ]
    assert set(local.for_each(lambda _: os.getpid())) == {os.getpid()}
    assert list(local.batch(5).flatten()) == list(from_range(10, num_shards=2).gather_sync())
    assert sorted(local.shuffle(5, seed=3)) == list(range(10))
    assert list(local.combine(lambda x: [x, x]).transform(lambda items: itertools.islice(items, 4)))
    # Reading goes on where it stopped.
    fresh = from_range(5, num_shards=1).gather_sync()
    assert next(fresh) == 0
    assert fresh.take(2) == [1, 2]
    assert list(fresh) == [3, 4]
    with pytest.raises(StopIteration):
        next(fresh)


def test_local_unions():
    def shard(*items):
        return from_items(items, num_shards=1).gather_sync()

    assert list(shard(1, 2).union(shard(3, 4), deterministic=True)) == [1, 3, 2, 4]
    weighted = shard(1, 2, 3).union(shard(4, 5), round_robin_weights=[2, 1])
    assert list(weighted) == [1, 2, 4, 3, 5]
    assert sorted(shard(1, 2).union(shard(3), shard(4))) == [1, 2, 3, 4]
    eager = shard(1).union(shard(2, 3), round_robin_weights=[1, "*"])
    assert sorted(eager) == [1, 2, 3]


def test_a_union_does_not_wait_for_the_slow():
    def slow():
        time.sleep(2)
        yield "slow"

    late = from_iterators([slow]).gather_async()
    quick = from_range(3, num_shards=1).gather_async()
    assert list(late.union(quick)) == [0, 1, 2, "slow"]


def test_duplicates_each_have_all():
    first, second = from_range(4, num_shards=1).gather_sync().duplicate(2)
    assert first.take(3) == [0, 1, 2]
    assert list(second) == [0, 1, 2, 3]
    assert list(first) == [3]
    doubled, plain = from_range(3, num_shards=1).gather_sync().duplicate(2)
    joined = doubled.for_each(lambda x: 2 * x).union(plain)
    assert collections.Counter(joined) == collections.Counter([0, 2, 4, 0, 1, 2])


def test_iterators_travel():
    it = from_range(4, num_shards=2).for_each(lambda x: x * x)

    @ray.remote
    def total(iterator):
        return sum(iterator if isinstance(iterator, LocalIterator) else iterator.gather_sync())

    assert ray.get(total.remote(it), timeout=60) == 14
    assert ray.get([total.remote(shard) for shard in it.shards()], timeout=60) == [1, 13]


def test_an_error_of_a_function_is_raised_here():
    it = from_range(3, num_shards=1).for_each(lambda x: 1 // x)
    with pytest.raises(ZeroDivisionError):
        list(it.gather_sync())


def test_what_is_shown(capsys):
    it = from_range(100, num_shards=1)
    it.show(2)
    it.gather_sync().show(1)
    assert capsys.readouterr().out.split()[-3:] == ["0", "1", "0"]
    assert "from_range[100" in repr(it)
    assert "for_each()" in repr(it.for_each(str))
    assert "LocalIterator" in repr(it.gather_sync())


def test_nonsense_is_refused():
    it = from_range(4)
    with pytest.raises(TypeError, match="gather_sync"):
        iter(it)
    with pytest.raises(TypeError, match="ParallelIterator"):
        it.union([1])
    with pytest.raises((TypeError, ValueError)):
        it.gather_sync().union([1])
    with pytest.raises(ValueError, match=">= 2"):
        it.gather_sync().duplicate(1)
    with pytest.raises(ValueError):
        it.select_shards([0, 0])
    for wrong in (5, -1):
        with pytest.raises((ValueError, IndexError)):
            it.get_shard(wrong)


def test_more_nonsense_is_refused_with_what_is_expected():
    it = from_range(4)
    for call, argument in [
        (it.batch, 0),
        (it.local_shuffle, 0),
        (it.repartition, 0),
        (it.gather_sync().batch, 0),
        (it.gather_sync().shuffle, 0),
        (from_range, -1),
    ]:
        with pytest.raises(ValueError, match="at least"):
            call(argument)
    with pytest.raises(ValueError, match="num_shards"):
        from_items([1], num_shards=0)
    with pytest.raises(ValueError, match="non-negative"):
        it.for_each(str, max_concurrency=-1)
    with pytest.raises(TypeError, match="must be an int"):
        it.for_each(str, max_concurrency="two")
    with pytest.raises(ValueError, match="num_async"):
        it.gather_async(num_async=0)
    with pytest.raises(ValueError, match="batch_ms"):
        it.gather_async(batch_ms=-1)
    with pytest.raises(TypeError, match="derives from ParallelIteratorWorker"):
        from_actors([5])
    with pytest.raises(ValueError, match="round_robin_weights"):
        it.gather_sync().union(it.gather_sync(), round_robin_weights=[1])
    with pytest.raises(ValueError, match="round_robin_weights"):
        it.gather_sync().union(it.gather_sync(), round_robin_weights=[1, -1])
