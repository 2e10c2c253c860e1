# SPDX-License-Identifier: Apache-2.0
"""put, get, wait, references inside values, zero-copy arrays."""

import asyncio
import collections
import copy
import gc
import time

import numpy as np
import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def identity(value):
    return value


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 1 << 62, 1 << 999, 0.5, "", "\u262f", b"\x00\xff", [], (), {}, set(),
        [1, [2, (3,)]], {"a": {1: None}}, collections.OrderedDict(a=1), collections.deque([1, 2]),
        np.float32(1.5), int, 3 + 4j, range(5), frozenset([1]), "x" * 200_000, b"y" * 300_000,
        list(range(50_000)),
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:12]}",
)  # fmt: skip
def test_values_come_back_as_they_went(value):
    put = ray.get(ray.put(value))
    passed = ray.get(identity.remote(value))
    assert put == value and type(put) is type(value)
    assert passed == value and type(passed) is type(value)


def test_functions_lambdas_and_classes_are_values():
    class Local:
        def __init__(self, x):
            self.x = x

    assert ray.get(identity.remote(lambda x: x + 1))(2) == 3
    assert ray.get(ray.put(Local))(5).x == 5
    assert ray.get(identity.remote(Local(6))).x == 6


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_arrays_are_read_only_aligned_and_equal(size):
    array = np.arange(size, dtype=np.float64)
    fetched = ray.get(ray.put(array))
    np.testing.assert_array_equal(fetched, array)
    passed = ray.get(identity.remote(array))
    np.testing.assert_array_equal(passed, array)
    if array.nbytes > 100 * 1024:
        assert not fetched.flags.writeable
        assert fetched.ctypes.data % 64 == 0
        with pytest.raises(ValueError):
            fetched[0] = 1


def test_two_gets_share_the_memory_of_one_copy():
    ref = ray.put(np.zeros(1_000_000))
    first, second = ray.get(ref), ray.get(ref)
    assert first.ctypes.data == second.ctypes.data
    del ref
    gc.collect()
    assert first.sum() == 0


def test_an_array_outlives_its_reference():
    views = []
    for i in range(10):
        ref = ray.put(np.full(500_000, i))
        views.append(ray.get(ref)[10:20])
        del ref
    gc.collect()
    more = [ray.put(np.full(500_000, 99)) for _ in range(10)]
    assert [int(view[0]) for view in views] == list(range(10))
    del more


def test_get_takes_lists_and_keeps_their_order():
    refs = [identity.remote(i) for i in range(20)]
    assert ray.get(refs) == list(range(20))
    assert ray.get([]) == []
    assert ray.get([refs[3], refs[3]]) == [3, 3]


def test_get_of_something_else_is_refused():
    for wrong in (7, "ref", [1, 2], None):
        with pytest.raises((ValueError, TypeError)):
            ray.get(wrong)


def test_put_of_a_reference_is_refused():
    with pytest.raises(TypeError):
        ray.put(ray.put(1))


def test_get_times_out():
    @ray.remote
    def slow():
        time.sleep(3)

    ref = slow.remote()
    start = time.time()
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get(ref, timeout=0.2)
    assert time.time() - start < 2
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get(ref, timeout=0)
    ray.cancel(ref, force=True)


def test_get_raises_at_the_first_failure_and_does_not_wait_for_the_others():
    @ray.remote
    def fail():
        raise KeyError("at once")

    @ray.remote
    def slow():
        time.sleep(60)

    start = time.monotonic()
    waiting = slow.remote()
    with pytest.raises(KeyError):
        ray.get([waiting, fail.remote()])
    assert time.monotonic() - start < 30
    ray.cancel(waiting)


def test_a_copied_reference_is_the_same():
    ref = ray.put([1])
    assert copy.copy(ref) == ref
    assert ray.get(copy.deepcopy({"ref": ref})["ref"]) == [1]


def test_wait_returns_what_is_ready_in_the_order_asked_for():
    @ray.remote
    def after(delay):
        time.sleep(delay)
        return delay

    refs = [after.remote(delay) for delay in (0.6, 0.0, 0.3)]
    ready, rest = ray.wait(refs, num_returns=1)
    assert ready == [refs[1]] and rest == [refs[0], refs[2]]
    ready, rest = ray.wait(refs, num_returns=3, timeout=10)
    assert ready == refs and rest == []
    ready, rest = ray.wait(refs, num_returns=2)
    assert len(ready) == 2 and len(rest) == 1


def test_wait_refuses_bad_arguments():
    ref = identity.remote(1)
    with pytest.raises(ValueError):
        ray.wait([ref, ref])
    with pytest.raises(ValueError):
        ray.wait([ref], num_returns=2)
    with pytest.raises(ValueError):
        ray.wait([ref], num_returns=0)
    with pytest.raises(TypeError):
        ray.wait(ref)
    with pytest.raises(TypeError):
        ray.wait([1])


def test_a_failed_object_is_ready():
    @ray.remote
    def fail():
        raise ValueError("no")

    ready, rest = ray.wait([fail.remote()], timeout=10)
    assert len(ready) == 1 and rest == []


def test_references_in_values_stay_references():
    inner = ray.put("inner")

    @ray.remote
    def unwrap(box):
        assert isinstance(box[0], ray.ObjectRef)
        return ray.get(box[0])

    assert ray.get(unwrap.remote([inner])) == "inner"
    outer = ray.put({"deep": [inner]})
    del inner
    gc.collect()
    assert ray.get(ray.get(outer)["deep"][0]) == "inner"


def test_a_task_can_return_references_it_owns():
    @ray.remote
    def make(size):
        return [ray.put(np.ones(size)), identity.remote("child")]

    for size in (10, 200_000):
        big, child = ray.get(make.remote(size))
        assert ray.get(big).sum() == size
        assert ray.get(child) == "child"


def test_references_captured_by_a_function_stay_alive():
    captured = ray.put(list(range(100_000)))

    @ray.remote
    def use():
        return len(ray.get(captured))

    assert ray.get(use.remote()) == 100_000


def test_large_arguments_and_results_pass_through_several_tasks():
    array = np.random.default_rng(0).random(400_000)
    ref = identity.remote(array)
    for _ in range(5):
        ref = identity.remote(ref)
    np.testing.assert_array_equal(ray.get(ref), array)


def test_memory_of_dropped_objects_is_used_again():
    for i in range(60):
        ref = ray.put(np.full(4_000_000, i, dtype=np.uint8))
        assert ray.get(ref)[-1] == i
        del ref


def test_what_cannot_be_pickled_is_named():
    import threading

    class Holder:
        def __init__(self):
            self.fine = 1
            self.the_lock = threading.Lock()

    with pytest.raises(TypeError, match="the_lock"):
        ray.put(Holder())
    lock = threading.Lock()

    @ray.remote
    def uses_lock():
        return lock

    with pytest.raises(TypeError, match="lock"):
        uses_lock.remote()


def test_references_are_awaitable_and_have_futures():
    async def main():
        assert await identity.remote(1) == 1
        assert await asyncio.gather(*[identity.remote(i) for i in range(5)]) == [0, 1, 2, 3, 4]

    asyncio.run(main())
    assert identity.remote(9).future().result(timeout=10) == 9


def test_references_are_hashable_and_have_names():
    ref = identity.remote(1)
    assert ref == ref and hash(ref) == hash(ref) and ref in {ref}
    assert ref != identity.remote(1)
    assert isinstance(ref.hex(), str) and isinstance(ref.binary(), bytes)
    assert ref.hex() in repr(ref)
