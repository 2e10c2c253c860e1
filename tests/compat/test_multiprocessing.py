# SPDX-License-Identifier: Apache-2.0
"""ray.util.multiprocessing.Pool: what programs written for the standard library's pools expect."""

import collections
import itertools
import os
import pickle
import threading
import time

import pytest
import ray
from ray.util.multiprocessing import Pool, TimeoutError
from ray.util.multiprocessing.pool import AsyncResult, IMapIterator, PoolTaskError

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@pytest.fixture
def pool():
    with Pool(2) as pool:
        yield pool


def add(x, y=0):
    return x + y


def fail_if_negative(x):
    if x < 0:
        raise ValueError(f"{x} is below zero")
    return x


def pid_of(_):
    time.sleep(0.01)
    return os.getpid()


def test_apply(pool):
    assert pool.apply(add, (1,), {"y": 2}) == 3
    assert pool.apply_async(add, (1, 2)).get(timeout=30) == 3
    assert pool.apply_async(add, (1,), kwds={"y": 5}).get() == 6
    with pytest.raises(ValueError, match="-1 is below zero"):
        pool.apply(fail_if_negative, (-1,))


def test_an_error_brings_the_traceback_of_its_process(pool):
    with pytest.raises(ValueError) as caught:
        pool.apply(fail_if_negative, [-1])
    assert "fail_if_negative" in str(caught.value.__cause__)


@pytest.mark.parametrize("chunksize", [None, 1, 3, 100])
def test_map_keeps_the_order_of_the_items(pool, chunksize):
    assert pool.map(add, range(10), chunksize) == list(range(10))
    assert pool.map(add, iter([]), chunksize) == []
    assert pool.starmap(add, zip(range(10), range(10), strict=True), chunksize) == list(
        range(0, 20, 2)
    )
    assert list(pool.imap(add, range(10), chunksize)) == list(range(10))
    assert sorted(pool.imap_unordered(add, range(10), chunksize)) == list(range(10))


def test_map_takes_closures_and_remote_functions(pool):
    offset = 5
    assert pool.map(lambda x: x + offset, [1, 2]) == [6, 7]
    assert pool.map(ray.remote(add), [1, 2]) == [1, 2]
    assert pool.starmap(ray.remote(add), [(1, 2), (3, 4)]) == [3, 7]


def test_map_raises_the_first_error_when_all_are_done(pool):
    result = pool.map_async(fail_if_negative, [1, -1, 2, -2], chunksize=1)
    with pytest.raises(ValueError, match="-1"):
        result.get(timeout=30)
    assert result.ready()
    assert not result.successful()


def test_map_spreads_over_all_processes(pool):
    pids = pool.map(pid_of, range(16), chunksize=1)
    assert len(set(pids)) == 2
    assert os.getpid() not in pids


def test_a_slow_call_holds_up_one_process_only(pool):
    started = time.monotonic()
    slow = pool.apply_async(time.sleep, [3])
    assert pool.map(add, range(10), chunksize=1) == list(range(10))
    assert time.monotonic() - started < 2
    assert not slow.ready()


def test_async_results_tell_how_far_they_are(pool):
    result = pool.apply_async(time.sleep, (1,))
    assert isinstance(result, AsyncResult)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    with pytest.raises(TimeoutError):
        result.get(timeout=0.05)
    result.wait(0.05)
    assert not result.ready()
    result.wait()
    assert result.ready()
    assert result.successful()
    assert result.get() is None


def test_callbacks_are_called_once_before_the_result_is_ready(pool):
    values, errors = [], []
    watch = {"callback": values.append, "error_callback": errors.append}
    pool.apply_async(add, (1,), **watch).wait(30)
    assert (values, errors) == ([1], [])
    pool.map_async(add, range(4), 1, **watch).wait(30)
    assert (values, errors) == ([1, [0, 1, 2, 3]], [])
    pool.starmap_async(add, [(1, 1), (2, 2)], **watch).wait(30)
    assert (values[2:], errors) == ([[2, 4]], [])
    pool.map_async(fail_if_negative, [1, -1, -2], **watch).wait(30)
    assert len(values) == 3
    assert [str(error) for error in errors] == ["-1 is below zero"]
    pool.map_async(add, [], **watch).wait(30)
    assert values[3] == []


def test_imap_gives_errors_in_their_place_and_goes_on(pool):
    results = pool.imap(fail_if_negative, [1, -1, 2])
    assert isinstance(results, IMapIterator)
    assert next(results) == 1
    error = next(results)
    assert isinstance(error, PoolTaskError)
    assert "-1 is below zero" in str(error.underlying)
    assert next(results) == 2
    with pytest.raises(StopIteration):
        next(results)
    with pytest.raises(StopIteration):
        results.next(timeout=1)
    unordered = pool.imap_unordered(fail_if_negative, [1, -1], chunksize=2)
    assert [isinstance(one, PoolTaskError) for one in unordered] == [False, True]


def test_imap_raises_what_happened_to_a_process(pool):
    results = pool.imap(lambda x: x or os._exit(1), [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ray.exceptions.RayActorError):
        next(results)
    assert next(results) == 2


def test_imap_times_out_and_can_be_asked_again(pool):
    results = pool.imap(time.sleep, [1])
    with pytest.raises(TimeoutError):
        results.next(timeout=0.05)
    assert results.next(timeout=30) is None


def test_imap_unordered_gives_what_is_ready(pool):
    def after(seconds):
        time.sleep(seconds)
        return seconds

    assert list(pool.imap_unordered(after, [1, 0.1])) == [0.1, 1]
    assert list(pool.imap(after, [0.5, 0.1])) == [0.5, 0.1]


def test_imap_reads_only_a_little_ahead(pool):
    read = []

    def count():
        for i in itertools.count():
            read.append(i)
            yield i

    results = pool.imap(add, count(), chunksize=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(read) < 30


def test_what_the_iterator_raises_comes_in_its_place(pool):
    def broken():
        yield 1
        raise KeyError("no more")

    results = pool.imap(add, broken())
    assert next(results) == 1
    with pytest.raises(KeyError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_processes_are_initialised():
    def prepare(*values):
        os.environ["PREPARED"] = ",".join(map(str, values))

    with Pool(2, initializer=prepare, initargs=(1, 2)) as pool:
        prepared = pool.map(lambda _: os.environ["PREPARED"], range(8), chunksize=1)
    assert prepared == ["1,2"] * 8


def test_an_initializer_that_fails_fails_the_pool():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ray.exceptions.RayActorError, match="ZeroDivisionError"):
        Pool(1, initializer=fail)


def test_processes_are_replaced_after_their_share():
    with Pool(1, maxtasksperchild=2) as pool:
        pids = pool.map(pid_of, range(6), chunksize=1)
    assert sorted(collections.Counter(pids).values()) == [2, 2, 2]


def test_a_process_that_dies_is_replaced(pool):
    for _ in range(3):
        with pytest.raises(ray.exceptions.RayActorError):
            pool.apply(os._exit, (1,))
    assert pool.map(add, range(5)) == list(range(5))


def test_a_closed_pool_finishes_what_it_accepted():
    pool = Pool(2)
    mapped = pool.map_async(pid_of, range(8), chunksize=1)
    lazy = pool.imap(add, range(100))
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    for call in (pool.apply, pool.apply_async):
        with pytest.raises(ValueError, match="Pool not running"):
            call(add, (1,))
    for call in (pool.map, pool.map_async, pool.imap, pool.imap_unordered, pool.starmap):
        with pytest.raises(ValueError, match="Pool not running"):
            call(add, [(1,)])
    pool.join()
    assert len(set(mapped.get(timeout=0))) == 2
    assert list(lazy) == list(range(100))


def test_a_terminated_pool_drops_what_it_accepted():
    started = time.monotonic()
    pool = Pool(1)
    results = [pool.apply_async(time.sleep, (60,)) for _ in range(3)]
    pool.terminate()
    pool.join()
    assert time.monotonic() - started < 30
    for result in results:
        with pytest.raises(ray.exceptions.RayActorError):
            result.get(timeout=10)


def test_leaving_a_with_statement_terminates():
    with Pool(1) as pool:
        assert pool.apply(add, (1,)) == 1
    with pytest.raises(ValueError):
        pool.map(add, [1])
    with pytest.raises(ValueError), pool:
        pass
    pool.join()


def test_a_task_can_have_a_pool():
    @ray.remote
    def total(n):
        with Pool(2) as pool:
            return sum(pool.map(add, range(n)))

    assert ray.get(total.remote(5), timeout=60) == 10


def test_the_actors_have_the_options_that_were_given(wait_for):
    with Pool(2, ray_remote_args={"num_cpus": 0.5}):
        wait_for(lambda: ray.available_resources().get("CPU") == 3)


def test_what_cannot_be_pickled_fails_its_call_only(pool):
    lock = threading.Lock()
    with pytest.raises(TypeError):
        pool.apply(lambda: lock)
    results = pool.map_async(add, [1, lock, 2], chunksize=1)
    with pytest.raises(TypeError):
        results.get(timeout=10)
    with pytest.raises(TypeError):
        pool.map(lambda x: lock, [1, 2, 3], chunksize=1)
    assert pool.map(add, [1, 2]) == [1, 2]


def test_an_error_that_cannot_be_pickled_is_described(pool):
    class OddError(Exception):
        def __reduce__(self):
            raise TypeError("not this one")

    def fail():
        raise OddError("strange")

    with pytest.raises(Exception, match="not this one"):
        pool.apply(fail)


@pytest.mark.parametrize("processes", [0, -1, 1.5, "two", True])
def test_a_number_of_processes_must_be_one(processes):
    with pytest.raises(ValueError, match="must be >0"):
        Pool(processes)


def test_more_processes_than_cpus_are_refused():
    with pytest.raises(ValueError, match="only 4 CPUs"):
        Pool(5)


def test_nonsense_is_refused(pool):
    for call in (pool.apply, pool.map, pool.imap, pool.starmap, pool.imap_unordered):
        with pytest.raises(TypeError, match="calls functions"):
            call("text", [])
    for chunksize in (0, -1, "a", 1.5):
        for call in (pool.map, pool.imap, pool.starmap):
            with pytest.raises(ValueError, match="Chunksize must be 1"):
                call(add, [[1]], chunksize=chunksize)
    with pytest.raises(TypeError):
        pool.map(add, 5)
    with pytest.raises(TypeError, match="initializer must be a callable"):
        Pool(1, initializer=5)
    with pytest.raises(ValueError, match="maxtasksperchild"):
        Pool(1, maxtasksperchild=0)
    with pytest.raises(ValueError, match="unknown option"):
        Pool(1, ray_remote_args={"colour": "blue"})
    with pytest.raises(NotImplementedError, match="cannot be passed between processes"):
        pickle.dumps(pool)
