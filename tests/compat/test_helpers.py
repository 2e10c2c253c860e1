# SPDX-License-Identifier: Apache-2.0
"""The small helpers of ray.util: results as they come, serialisers, what cannot be sent, once."""

import asyncio
import concurrent.futures
import io
import os
import sys
import threading
import time

import pytest
import ray
from ray.util import as_completed, inspect_serializability, map_unordered
from ray.util.annotations import Deprecated, DeveloperAPI, PublicAPI, RayDeprecationWarning
from ray.util.debug import disable_log_once_globally, log_once, reset_log_once
from ray.util.serialization import deregister_serializer, register_serializer

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def after(seconds):
    time.sleep(seconds)
    return seconds


@ray.remote
def fail():
    raise ValueError("no")


# ---- Results as they come -------------------------------------------------------------------


def test_as_completed_gives_what_is_ready_first():
    refs = [after.remote(seconds) for seconds in (1, 0.01, 0.5)]
    assert list(as_completed(refs, chunk_size=1)) == [0.01, 0.5, 1]
    assert sorted(as_completed(refs)) == [0.01, 0.5, 1]
    assert list(as_completed([])) == []
    assert set(as_completed(refs, chunk_size=2, yield_obj_refs=True)) == set(refs)


def test_as_completed_raises_what_a_task_raised():
    with pytest.raises(ValueError, match="no"):
        list(as_completed([fail.remote()]))


def test_map_unordered_limits_what_is_under_way():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i / 1000

    results = map_unordered(after, items(), backpressure_size=3, chunk_size=1)
    assert taken == []
    next(results)
    assert len(taken) == 3
    assert len(list(results)) == 19
    assert sorted(map_unordered(after, [0.1, 0], backpressure_size=None)) == [0, 0.1]
    refs = list(map_unordered(after, [0], yield_obj_refs=True))
    assert ray.get(refs) == [0]


def test_helpers_refuse_nonsense():
    for count in (0, -1, 1.5):
        with pytest.raises((ValueError, TypeError)):
            list(as_completed([ray.put(1)], chunk_size=count))
    with pytest.raises(ValueError, match="chunk_size"):
        list(map_unordered(after, [0], chunk_size=0))
    with pytest.raises((ValueError, TypeError, AttributeError)):
        list(map_unordered(len, [[]]))
    with pytest.raises(ValueError):
        list(map_unordered(after, [0] * 5, backpressure_size=1, chunk_size=2))


# ---- Futures --------------------------------------------------------------------------------


def test_references_as_futures_of_threads():
    good, bad = after.remote(0.1).future(), fail.remote().future()
    assert isinstance(good, concurrent.futures.Future)
    seen = []
    good.add_done_callback(lambda future: seen.append(future.result()))
    done, waiting = concurrent.futures.wait([good, bad], timeout=30)
    assert (done, waiting) == ({good, bad}, set())
    assert good.result() == 0.1
    assert isinstance(bad.exception(), ValueError)
    assert seen == [0.1]
    late = after.remote(0.5).future()
    with pytest.raises(concurrent.futures.TimeoutError):
        late.result(timeout=0.01)
    assert list(concurrent.futures.as_completed([late, good])) == [good, late]


def test_references_in_coroutines():
    async def main():
        refs = [after.remote(seconds) for seconds in (0.2, 0.01)]
        assert await asyncio.gather(*refs) == [0.2, 0.01]
        assert await asyncio.wait_for(after.remote(0), 30) == 0
        with pytest.raises(ValueError):
            await fail.remote()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(after.remote(1), 0.01)
        slow, quick = (asyncio.ensure_future(after.remote(s)) for s in (1, 0.01))
        done, pending = await asyncio.wait([slow, quick], return_when="FIRST_COMPLETED")
        assert (done, pending) == ({quick}, {slow})
        wrapped = [asyncio.wrap_future(after.remote(s).future()) for s in (0.3, 0)]
        assert [await one for one in asyncio.as_completed(wrapped)] == [0, 0.3]
        assert await after.remote(0.01).as_future() == 0.01
        async with asyncio.TaskGroup() as group:

            async def wait_for(ref):
                return await ref

            tasks = [group.create_task(wait_for(ref)) for ref in refs]
        return [task.result() for task in tasks]

    assert asyncio.run(main()) == [0.2, 0.01]


# ---- Serialisers ----------------------------------------------------------------------------


class Guarded:
    """What holds a lock cannot be pickled."""

    def __init__(self, value):
        self.value = value
        self.lock = threading.Lock()


@pytest.fixture
def registered():
    register_serializer(Guarded, serializer=lambda one: one.value, deserializer=Guarded)
    yield
    deregister_serializer(Guarded)


def test_a_serializer_is_used_wherever_values_travel(registered):
    @ray.remote
    def value_of(guarded, inside):
        return guarded.value, inside["key"].value

    assert ray.get(ray.put(Guarded(1))).value == 1
    assert ray.get(value_of.remote(Guarded(2), {"key": Guarded(3)})) == (2, 3)


def test_a_serializer_can_be_taken_back(registered):
    deregister_serializer(Guarded)
    with pytest.raises(TypeError):
        ray.put(Guarded(1))
    deregister_serializer(Guarded)


def test_references_inside_what_a_serializer_returns_count():
    class Holder:
        def __init__(self, ref):
            self.ref = ref

        def __reduce__(self):
            raise TypeError("only by its serializer")

    register_serializer(Holder, serializer=lambda one: [one.ref], deserializer=lambda r: Holder(*r))
    outer = ray.put(Holder(ray.put("inner")))
    try:
        assert ray.get(ray.get(outer).ref) == "inner"
    finally:
        deregister_serializer(Holder)


def test_serializers_are_functions_for_classes():
    with pytest.raises(TypeError):
        register_serializer(Guarded, serializer=None, deserializer=Guarded)
    with pytest.raises(TypeError):
        register_serializer("Guarded", serializer=str, deserializer=str)


# ---- What cannot be sent --------------------------------------------------------------------


def test_what_cannot_be_sent_is_found():
    lock = threading.Lock()
    holder = {"deep": [1, Guarded(1)]}

    def function():
        return lock, holder

    out = io.StringIO()
    ok, failures = inspect_serializability(function, name="function", print_file=out)
    assert not ok
    assert lock in {failure.obj for failure in failures}
    assert any("lock" in failure.name for failure in failures)
    assert "Checking Serializability of 'function'" in out.getvalue()
    assert "FAIL" in out.getvalue()


def test_depth_limits_the_search():
    guarded = Guarded(1)
    for depth, culprit in [(0, [guarded]), (1, guarded), (2, guarded.lock)]:
        value = [guarded]
        _, [failure] = inspect_serializability(value, depth=depth, print_file=io.StringIO())
        assert failure.obj == (value if depth == 0 else culprit)


def test_what_can_be_sent_is_fine():
    out = io.StringIO()
    assert inspect_serializability([1, ray.put(1)], print_file=out) == (True, set())
    assert inspect_serializability(after, print_file=out) == (True, set())


# ---- Once -----------------------------------------------------------------------------------


def test_log_once(monkeypatch):
    from ray.util import debug

    reset_log_once("first")
    assert log_once("first")
    assert not log_once("first")
    reset_log_once("first")
    assert log_once("first")
    assert ray.util.log_once("second")
    reset_log_once()
    assert log_once("second")
    if hasattr(debug, "_log"):
        monkeypatch.setattr(debug, "_log", type(debug._log)())
        disable_log_once_globally()
        assert not log_once("third")


@pytest.mark.skipif(
    os.environ.get("COMPAT_AGAINST") == "ray", reason="sets the clock of mobula's own module"
)
def test_periodic_logging_begins_anew_after_a_minute(monkeypatch):
    from ray.util import debug

    monkeypatch.setattr(debug, "_log", type(debug._log)())
    now = [1000.0]
    monkeypatch.setattr(debug.time, "time", lambda: now[0])
    ray.util.enable_periodic_logging()
    assert [log_once("key"), log_once("key")] == [True, False]
    now[0] += 61
    log_once("key")
    assert log_once("key")


def test_the_address_of_the_node():
    @ray.remote
    def address():
        return ray.util.get_node_ip_address()

    assert ray.get(address.remote()) == ray.util.get_node_ip_address()
    assert ray.util.get_node_ip_address() == ray.nodes()[0]["NodeManagerAddress"]


def test_collective_operations_say_what_to_install(monkeypatch):
    from ray.util import collective

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        collective.init_collective_group(1, 0, "gloo")
    assert not collective.is_group_initialized()


# ---- Marks ----------------------------------------------------------------------------------


def test_marks_leave_what_they_mark_as_it_was():
    @PublicAPI
    def public(x):
        """Doubles."""
        return 2 * x

    @DeveloperAPI(api_group="group")
    class Internal:
        pass

    @PublicAPI(stability="alpha")
    class Early:
        pass

    assert public(2) == 4
    assert public.__name__ == "public"
    assert "Doubles." in public.__doc__
    assert "PublicAPI" in public.__doc__
    assert "DeveloperAPI" in Internal.__doc__
    assert "alpha" in Early.__doc__
    assert ray.get(ray.remote(public).remote(3)) == 6


def test_what_is_deprecated_can_warn():
    @Deprecated(message="use the other", warning=True)
    def old():
        return 1

    @Deprecated(warning=True)
    class Old:
        def __init__(self, value):
            self.value = value

    @Deprecated
    def silent():
        return 2

    with pytest.warns(RayDeprecationWarning, match="use the other"):
        assert old() == 1
    with pytest.warns(RayDeprecationWarning):
        assert Old(5).value == 5
    assert silent() == 2
    assert "DEPRECATED" in silent.__doc__


def test_marks_refuse_nonsense():
    with pytest.raises((ValueError, AssertionError)):
        PublicAPI(stability="frozen")(len)
    with pytest.raises(TypeError):
        DeveloperAPI(5)
