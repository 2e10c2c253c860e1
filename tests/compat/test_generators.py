# SPDX-License-Identifier: Apache-2.0
"""Generators: tasks and methods whose items come one by one, all at once, or in a fixed number."""

import asyncio
import gc
import os
import time

import numpy as np
import pytest
import ray
from ray.exceptions import (
    GetTimeoutError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")
AGAINST_RAY = os.environ.get("COMPAT_AGAINST") == "ray"
mobula_only = pytest.mark.skipif(AGAINST_RAY, reason="mobula promises more")


@ray.remote
def count(number, size=1):
    for index in range(number):
        yield index if size == 1 else np.full(size, index)


@ray.remote(max_retries=0)
def fail_after(number):
    # Ray cannot delegate to a range.
    for index in range(number):  # noqa: UP028
        yield index
    raise ValueError("midway")


@ray.remote
class Maker:
    def items(self, number, pause=0):
        for index in range(number):
            time.sleep(pause)
            yield index

    def ping(self):
        return "pong"


@ray.remote
class AsyncMaker:
    async def items(self, number):
        for index in range(number):
            await asyncio.sleep(0.01)
            yield index

    async def fail(self):
        yield 1
        raise ValueError("midway")

    async def endless(self):
        yield 1
        await asyncio.sleep(1000)

    def plain(self, number):
        for index in range(number):  # noqa: UP028
            yield index

    async def ping(self):
        return "pong"


@ray.remote
class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1
        return self.value

    def get(self):
        return self.value


# ---- Streaming -----------------------------------------------------------------------------------


def test_a_generator_function_streams_its_items():
    generator = count.remote(3)
    assert isinstance(generator, ray.ObjectRefGenerator)
    assert iter(generator) is generator
    references = list(generator)
    assert all(isinstance(reference, ray.ObjectRef) for reference in references)
    assert ray.get(references) == [0, 1, 2]
    with pytest.raises(StopIteration):
        next(generator)
    assert ray.get(generator.completed()) is None
    assert list(count.remote(0)) == []
    assert [ray.get(one) for one in count.options(num_returns="streaming").remote(2)] == [0, 1]
    assert [ray.get(one) for one in count.options(num_returns=None).remote(2)] == [0, 1]


def test_items_come_before_the_generator_has_ended():
    @ray.remote
    def slow():
        yield "first"
        time.sleep(20)
        yield "second"

    start = time.time()
    generator = slow.remote()
    assert ray.get(next(generator)) == "first"
    assert time.time() - start < 15
    assert not generator.is_finished()
    with pytest.raises(GetTimeoutError):
        ray.get(generator.completed(), timeout=0.1)
    ray.cancel(generator)


def test_large_items_and_references_inside_items():
    for index, reference in enumerate(count.remote(4, 100_000)):
        assert (ray.get(reference) == index).all()

    @ray.remote
    def nested():
        for index in range(3):
            yield [ray.put(index)]

    values = [ray.get(one) for one in nested.remote()]
    assert ray.get([inner for (inner,) in values]) == [0, 1, 2]


def test_items_are_arguments_of_other_tasks():
    @ray.remote
    def double(value):
        return 2 * value

    @ray.remote
    def consume(number):
        return sum(ray.get(one) for one in count.remote(number))

    assert ray.get([double.remote(one) for one in count.remote(3)]) == [0, 2, 4]
    assert ray.get(consume.remote(4)) == 6


def test_an_exception_is_the_last_item():
    generator = fail_after.remote(2)
    references = list(generator)
    assert ray.get(references[:2]) == [0, 1]
    assert len(references) == 3
    with pytest.raises(ValueError, match="midway") as caught:
        ray.get(references[2])
    assert isinstance(caught.value, RayTaskError)
    assert ray.get(generator.completed()) is None
    with pytest.raises(StopIteration):
        next(generator)
    (only,) = fail_after.remote(0)
    with pytest.raises(ValueError, match="midway"):
        ray.get(only)


def test_an_argument_that_failed_is_the_only_item():
    (only,) = count.remote(next(fail_after.remote(0)))
    with pytest.raises(ValueError, match="midway"):
        ray.get(only)


def test_an_item_that_cannot_be_pickled_is_the_last_one():
    @ray.remote(max_retries=0)
    def unpicklable():
        import threading

        yield 1
        yield threading.Lock()
        yield 3

    first, last = unpicklable.remote()
    assert ray.get(first) == 1
    with pytest.raises(TypeError):
        ray.get(last)


def test_a_yielded_exception_is_a_value():
    @ray.remote
    def exceptions():
        yield 1
        yield ValueError("yielded")
        yield 3

    first, second, third = (ray.get(one) for one in exceptions.remote())
    assert (first, third) == (1, 3)
    assert isinstance(second, ValueError)


def test_next_ready_and_is_finished(wait_for):
    maker = Maker.remote()
    ray.get(maker.ping.remote())
    generator = maker.items.remote(2, 0.5)
    assert not generator.next_ready()
    assert not generator.is_finished()
    wait_for(generator.next_ready)
    next(generator)
    next(generator)
    ray.get(generator.completed())
    wait_for(generator.is_finished)
    assert not generator.next_ready()
    failing = fail_after.remote(0)
    wait_for(failing.next_ready)
    assert not failing.is_finished()
    next(failing)
    wait_for(failing.is_finished)


def test_wait_takes_generators():
    maker = Maker.remote()
    ray.get(maker.ping.remote())
    slow, fast = maker.items.remote(1, 3), count.remote(2)
    ready, others = ray.wait([slow, fast])
    assert (ready, others) == ([fast], [slow])
    assert ray.wait([slow], timeout=0.01) == ([], [slow])
    done = ray.put(1)
    ready, others = ray.wait([slow, done, fast], num_returns=2, fetch_local=False)
    assert (ready, others) == ([done, fast], [slow])
    next(fast), next(fast)
    # One that has ended is ready.
    assert ray.wait([fast], timeout=20) == ([fast], [])
    assert ray.wait([slow], timeout=20) == ([slow], [])


def test_wait_refuses_what_it_cannot_do():
    generator = count.remote(1)
    with pytest.raises(ValueError, match=r"unique|only once"):
        ray.wait([generator, generator])
    with pytest.raises(TypeError, match="list"):
        ray.wait(generator)
    with pytest.raises(TypeError, match="get"):
        ray.get([generator])
    assert ray.get(generator) is generator


def test_a_generator_stays_where_it_is():
    generator = count.remote(1)
    with pytest.raises(TypeError, match=r"[Ss]erializ"):
        count.remote(generator)
    with pytest.raises(TypeError, match=r"[Ss]erializ"):
        ray.put(generator)
    for call in (lambda: generator.send(1), lambda: generator.throw(ValueError), generator.close):
        with pytest.raises(NotImplementedError):
            call()
    for call in (lambda: generator.asend(1), lambda: generator.athrow(KeyError), generator.aclose):
        with pytest.raises(NotImplementedError):
            asyncio.run(call())


def test_a_generator_in_a_coroutine():
    async def take(generator):
        return [await reference async for reference in generator]

    async def both():
        return await asyncio.gather(take(count.remote(3)), take(fast.items.remote(2)))

    fast = Maker.remote()
    assert asyncio.run(take(count.remote(3))) == [0, 1, 2]
    assert asyncio.run(both()) == [[0, 1, 2], [0, 1]]
    with pytest.raises(ValueError, match="midway"):
        asyncio.run(take(fail_after.remote(1)))


def test_next_with_a_time_limit():
    maker = Maker.remote()
    ray.get(maker.ping.remote())
    generator = maker.items.remote(1, 1)
    assert generator._next_sync(0.05).is_nil()
    reference = generator._next_sync()
    assert not reference.is_nil()
    assert ray.get(reference) == 0
    with pytest.raises(StopIteration):
        generator._next_sync(5)


def test_ray_names_generators_in_its_extension_too():
    from ray._raylet import ObjectRefGenerator

    assert ObjectRefGenerator is ray.ObjectRefGenerator


# ---- Actors --------------------------------------------------------------------------------------


def test_methods_of_actors_stream():
    maker = Maker.remote()
    first, second = maker.items.remote(3), maker.items.remote(2)
    assert [ray.get(one) for one in second] == [0, 1]
    assert [ray.get(one) for one in first] == [0, 1, 2]
    assert ray.get(maker.ping.remote()) == "pong"


def test_methods_of_threaded_actors_stream_beside_each_other():
    maker = Maker.options(max_concurrency=3).remote()
    slow = maker.items.remote(2, 1000)
    assert [ray.get(one) for one in maker.items.remote(3)] == [0, 1, 2]
    assert ray.get(maker.ping.remote()) == "pong"
    assert not slow.next_ready()


def test_async_methods_stream_beside_each_other():
    maker = AsyncMaker.remote()
    endless = maker.endless.remote()
    assert ray.get(next(endless)) == 1
    many = [maker.items.remote(5) for _ in range(5)]
    assert [[ray.get(one) for one in items] for items in many] == [[0, 1, 2, 3, 4]] * 5
    assert [ray.get(one) for one in maker.plain.remote(3)] == [0, 1, 2]
    assert ray.get(maker.ping.remote()) == "pong"
    first, last = maker.fail.remote()
    assert ray.get(first) == 1
    with pytest.raises(ValueError, match="midway"):
        ray.get(last)


def test_generators_of_an_inherited_class_and_a_named_actor():
    class Base:
        def letters(self):
            yield "a"
            yield "b"

    @ray.remote
    class Derived(Base):
        @ray.method(_generator_backpressure_num_objects=1)
        def numbers(self):
            yield 1
            yield 2

    kept = Derived.options(name="derived").remote()
    found = ray.get_actor("derived")
    assert [ray.get(one) for one in found.letters.remote()] == ["a", "b"]
    assert [ray.get(one) for one in kept.numbers.remote()] == [1, 2]


# ---- Back-pressure -------------------------------------------------------------------------------


@ray.remote
def counted(number, counter, size=1):
    for index in range(number):
        ray.get(counter.add.remote())
        yield index if size == 1 else np.full(size, index)


@pytest.mark.parametrize("limit", [1, 3])
def test_a_generator_waits_for_its_consumer(limit, wait_for):
    counter = Counter.remote()
    generator = counted.options(_generator_backpressure_num_objects=limit).remote(6, counter)
    wait_for(lambda: ray.get(counter.get.remote()) == limit)
    time.sleep(0.3)
    assert ray.get(counter.get.remote()) == limit
    assert ray.get(next(generator)) == 0
    wait_for(lambda: ray.get(counter.get.remote()) == limit + 1)
    assert [ray.get(one) for one in generator] == [1, 2, 3, 4, 5]


def test_an_async_generator_waits_for_its_consumer_and_holds_up_nobody():
    maker = AsyncMaker.remote()
    generator = maker.items.options(_generator_backpressure_num_objects=1).remote(4)
    assert ray.get(next(generator)) == 0
    assert ray.get(maker.ping.remote()) == "pong"
    assert [ray.get(one) for one in maker.items.remote(2)] == [0, 1]
    assert [ray.get(one) for one in generator] == [1, 2, 3]


@mobula_only
def test_who_waits_for_the_consumer_lends_its_cpu(wait_for):
    counter = Counter.remote()
    limited = counted.options(num_cpus=4, _generator_backpressure_num_objects=1)
    first = limited.remote(3, counter)
    assert ray.get(next(first)) == 0
    wait_for(lambda: ray.get(counter.get.remote()) == 2)
    assert [ray.get(one) for one in limited.remote(2, Counter.remote())] == [0, 1]
    assert [ray.get(one) for one in first] == [1, 2]


# ---- Dropping ------------------------------------------------------------------------------------


@mobula_only
@pytest.mark.parametrize("limit", [-1, 1])
def test_the_dropped_generator_is_closed(limit, wait_for):
    @ray.remote
    def endless(counter):
        try:
            while True:
                yield 1
                time.sleep(0.01)
        finally:
            ray.get(counter.add.remote())

    counter = Counter.remote()
    generator = endless.options(_generator_backpressure_num_objects=limit).remote(counter)
    completed = generator.completed()
    kept = next(generator)
    assert ray.get(counter.get.remote()) == 0
    del generator
    gc.collect()
    wait_for(lambda: ray.get(counter.get.remote()) == 1)
    assert ray.get(completed) is None
    assert ray.get(kept) == 1


@mobula_only
def test_a_dropped_generator_of_an_async_actor_is_closed():
    @ray.remote
    class Endless:
        def __init__(self):
            self.closed = 0

        async def items(self):
            try:
                while True:
                    yield 1
                    await asyncio.sleep(0.01)
            finally:
                self.closed += 1

        async def how_many(self):
            return self.closed

    actor = Endless.remote()
    generator = actor.items.remote()
    completed = generator.completed()
    next(generator)
    del generator
    gc.collect()
    ray.get(completed)
    assert ray.get(actor.how_many.remote()) == 1


# ---- Cancellation --------------------------------------------------------------------------------


@ray.remote(max_retries=0)
def endless(pause):
    yield 1
    while True:
        time.sleep(pause)
        yield 2


@pytest.mark.parametrize("limit", [-1, 1])
def test_a_cancelled_generator_ends_in_an_error(limit):
    generator = endless.options(_generator_backpressure_num_objects=limit).remote(0.05)
    assert ray.get(next(generator)) == 1
    time.sleep(0.2)
    ray.cancel(generator)
    *_, last = generator
    with pytest.raises(TaskCancelledError):
        ray.get(last)
    with pytest.raises(TaskCancelledError):
        ray.get(generator.completed())


def test_a_cancelled_async_generator_ends_in_an_error():
    maker = AsyncMaker.remote()
    generator = maker.endless.remote()
    assert ray.get(next(generator)) == 1
    ray.cancel(generator)
    (last,) = generator
    with pytest.raises(TaskCancelledError):
        ray.get(last)
    assert ray.get(maker.ping.remote()) == "pong"


def test_a_generator_that_waits_for_room_can_be_cancelled():
    @ray.remote(num_cpus=4)
    def hold():
        time.sleep(3)

    holding = hold.remote()
    time.sleep(0.5)
    generator = endless.options(num_cpus=4).remote(1)
    ray.cancel(generator)
    (last,) = generator
    with pytest.raises(TaskCancelledError):
        ray.get(last)
    ray.get(holding)


# ---- Failures ------------------------------------------------------------------------------------


def die_once(path):
    if not os.path.exists(path):
        with open(path, "w"):
            pass
        os._exit(1)


def test_a_worker_that_dies_midway_costs_no_item(tmp_path):
    @ray.remote(max_retries=1)
    def unlucky(path, size):
        yield np.zeros(size)
        yield np.ones(size)
        die_once(path)
        yield np.full(size, 2)

    for size in (1, 100_000):
        items = [ray.get(one) for one in unlucky.remote(str(tmp_path / str(size)), size)]
        assert [int(item[0]) for item in items] == [0, 1, 2]


def test_without_retries_the_death_of_the_worker_is_the_last_item():
    @ray.remote(max_retries=0)
    def unlucky():
        yield 1
        time.sleep(0.3)
        os._exit(1)

    generator = unlucky.remote()
    first, last = generator
    assert ray.get(first) == 1
    with pytest.raises(WorkerCrashedError):
        ray.get(last)
    with pytest.raises(WorkerCrashedError):
        ray.get(generator.completed())


def test_exceptions_are_retried_where_that_is_asked_for(tmp_path):
    @ray.remote(retry_exceptions=[ValueError], max_retries=1)
    def moody(path):
        yield 1
        if not os.path.exists(path):
            with open(path, "w"):
                pass
            raise ValueError("once")
        yield 2

    assert [ray.get(one) for one in moody.remote(str(tmp_path / "moody"))] == [1, 2]


def test_calls_of_a_restarted_actor_are_run_again(tmp_path):
    @ray.remote(max_restarts=1, max_task_retries=1)
    class Unlucky:
        def items(self, path):
            yield 1
            die_once(path)
            yield 2

    actor = Unlucky.remote()
    assert [ray.get(one) for one in actor.items.remote(str(tmp_path / "actor"))] == [1, 2]


# ---- In a fixed number, and all at once ----------------------------------------------------------


def test_a_fixed_number_of_results():
    assert ray.get(count.options(num_returns=3).remote(3)) == [0, 1, 2]
    assert ray.get(count.options(num_returns=1).remote(3)) == 0
    assert ray.get(count.options(num_returns=2).remote(5)) == [0, 1]
    once = count.options(num_returns=3, max_retries=0)
    *made, missing = once.remote(2)
    assert ray.get(made) == [0, 1]
    with pytest.raises(ValueError, match="2 objects, but num_returns=3"):
        ray.get(missing)
    first, *broken = fail_after.options(num_returns=3).remote(1)
    assert ray.get(first) == 0
    for reference in broken:
        with pytest.raises(ValueError, match="midway"):
            ray.get(reference)
    maker = Maker.remote()
    assert ray.get(maker.items.options(num_returns=2).remote(2)) == [0, 1]
    with pytest.raises(TypeError, match="async"):
        ray.get(AsyncMaker.remote().items.options(num_returns=1).remote(1))


@pytest.mark.filterwarnings("ignore:num_returns='dynamic':DeprecationWarning")
def test_all_items_at_once():
    dynamic = count.options(num_returns="dynamic")
    for size in (1, 100_000):
        reference = dynamic.remote(3, size)
        assert isinstance(reference, ray.ObjectRef)
        generator = ray.get(reference)
        assert isinstance(generator, ray.DynamicObjectRefGenerator)
        assert len(generator) == 3
        values = [ray.get(one) for one in generator]
        assert [int(np.ravel(value)[0]) for value in values] == [0, 1, 2]
        assert len(generator) == 0
        # The object has them still.
        assert len(list(ray.get(reference))) == 3
    assert len(ray.get(dynamic.remote(0))) == 0

    @ray.remote
    def total(generator):
        return sum(ray.get(one) for one in generator)

    assert ray.get(total.remote(dynamic.remote(4))) == 6
    maker = Maker.remote()
    items = ray.get(maker.items.options(num_returns="dynamic").remote(2))
    assert [ray.get(one) for one in items] == [0, 1]


@pytest.mark.filterwarnings("ignore:num_returns='dynamic':DeprecationWarning")
def test_an_exception_is_the_last_of_all_items():
    first, last = ray.get(fail_after.options(num_returns="dynamic").remote(1))
    assert ray.get(first) == 0
    with pytest.raises(ValueError, match="midway"):
        ray.get(last)


@mobula_only
def test_an_async_generator_gathers_its_items_too():
    maker = AsyncMaker.remote()
    items = ray.get(maker.items.options(num_returns="dynamic").remote(2))
    assert [ray.get(one) for one in items] == [0, 1]


# ---- Nonsense ------------------------------------------------------------------------------------


def plain():
    return [1, 2]


@pytest.mark.filterwarnings("ignore:num_returns='dynamic':DeprecationWarning")
@pytest.mark.parametrize("number", ["streaming", "dynamic"])
def test_only_generators_stream(number):
    with pytest.raises(ValueError, match="generator functions"):
        ray.remote(num_returns=number)(plain)
    with pytest.raises(ValueError, match="generator functions"):
        ray.remote(plain).options(num_returns=number)
    with pytest.raises(ValueError, match="generator functions"):
        ray.method(num_returns=number)(plain)
    with pytest.raises(ValueError, match="generator functions"):
        Maker.remote().ping.options(num_returns=number).remote()


@pytest.mark.parametrize("number", ["all", -1, 1.5, True])
@mobula_only
def test_a_number_of_results_that_is_none(number):
    for make in (ray.remote(num_returns=1)(plain).options, count.options, ray.method):
        with pytest.raises((TypeError, ValueError), match=r"num_returns.* takes an integer of at"):
            make(num_returns=number)


@pytest.mark.parametrize("limit", [0, -2, "1", 1.5, True])
@mobula_only
def test_a_limit_that_is_none(limit):
    for make in (count.options, ray.method):
        with pytest.raises((TypeError, ValueError), match=r"_generator_backp.* takes an integer"):
            make(_generator_backpressure_num_objects=limit)


@mobula_only
def test_a_generator_cannot_be_made_by_hand():
    with pytest.raises(TypeError):
        ray.ObjectRefGenerator()
    with pytest.raises(TypeError, match="comes from a call"):
        ray.ObjectRefGenerator(5)


@mobula_only
def test_an_async_generator_is_no_task():
    async def items():
        yield 1

    with pytest.raises(ValueError, match="async"):
        ray.remote(items)
