# SPDX-License-Identifier: Apache-2.0
"""State, order, handles, names, concurrency, asyncio."""

import asyncio
import gc
import os
import sys
import time
import types

import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote(num_cpus=0)
class Counter:
    """Counts."""

    step = 1

    def __init__(self, start=0):
        self.value = start

    def add(self, amount=1):
        self.value += amount * self.step
        return self.value

    def get(self):
        return self.value

    def pid(self):
        return os.getpid()

    def fail(self):
        raise RuntimeError("as asked")

    @ray.method(num_returns=2)
    def pair(self):
        return self.value, -self.value

    def stop(self):
        ray.actor.exit_actor()


def test_calls_run_in_order_and_keep_state():
    counter = Counter.remote(5)
    assert ray.get([counter.add.remote() for _ in range(50)]) == list(range(6, 56))
    assert ray.get(counter.pair.remote()) == [55, -55]


def test_calls_with_slow_arguments_keep_their_place():
    @ray.remote
    def slow(value):
        time.sleep(0.3)
        return value

    counter = Counter.remote()
    first = counter.add.remote(slow.remote(10))
    second = counter.add.remote(1)
    assert ray.get([first, second]) == [10, 11]


def test_a_class_cannot_be_called_directly():
    with pytest.raises(TypeError, match="remote"):
        Counter()
    counter = Counter.remote()
    with pytest.raises(TypeError, match="remote"):
        counter.add()
    with pytest.raises(AttributeError):
        counter.no_such_method.remote()
    with pytest.raises(TypeError):
        counter.get.remote(1, 2, 3)
    with pytest.raises(TypeError):
        Counter.remote(1, 2, 3)


def test_an_exception_leaves_the_actor_alive():
    counter = Counter.remote()
    with pytest.raises(RuntimeError, match="as asked"):
        ray.get(counter.fail.remote())
    assert ray.get(counter.add.remote()) == 1


def test_a_constructor_that_raises_is_told_at_the_first_call():
    @ray.remote(num_cpus=0)
    class Broken:
        def __init__(self):
            raise ValueError("oops")

        def hello(self):
            return 1

    with pytest.raises(ray.exceptions.RayActorError, match="oops"):
        ray.get(Broken.remote().hello.remote())


def test_handles_travel():
    counter = Counter.remote()

    @ray.remote
    def use(handle, times):
        return ray.get([handle.add.remote() for _ in range(times)])[-1]

    assert sorted(ray.get([use.remote(counter, 5), use.remote(counter, 5)]))[-1] == 10

    @ray.remote(num_cpus=0)
    class Holder:
        def __init__(self, handle):
            self.handle = handle

        def add(self):
            return ray.get(self.handle.add.remote())

        def back(self):
            return self.handle

    holder = Holder.remote(counter)
    assert ray.get(holder.add.remote()) == 11
    assert ray.get(ray.get(holder.back.remote()).get.remote()) == 11


def test_an_actor_made_by_a_task_outlives_it_while_there_is_a_handle():
    @ray.remote(num_cpus=0)
    class Maker:
        def make(self):
            self.child = Counter.remote(7)
            return self.child

    maker = Maker.remote()
    child = ray.get(maker.make.remote())
    assert ray.get(child.get.remote()) == 7


def test_pending_calls_finish_when_the_last_handle_goes():
    @ray.remote
    def make_and_leave():
        counter = Counter.remote(3)
        return [counter.add.remote()]

    assert ray.get(ray.get(make_and_leave.remote())[0]) == 4


def test_an_actor_out_of_scope_ends(wait_for):
    counter = Counter.remote()
    pid = ray.get(counter.pid.remote())
    del counter
    gc.collect()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))


def test_classes_inherit():
    class Base:
        def __init__(self):
            self.trace = ["base"]

        def get(self):
            return self.trace

    @ray.remote(num_cpus=0)
    class Derived(Base):
        def __init__(self):
            super().__init__()
            self.trace.append("derived")

        @staticmethod
        def fixed():
            return 1

    derived = Derived.remote()
    assert ray.get(derived.get.remote()) == ["base", "derived"]
    assert ray.get(derived.fixed.remote()) == 1


def test_named_actors_are_found_by_name():
    counter = Counter.options(name="the counter").remote(1)
    assert ray.get(ray.get_actor("the counter").add.remote()) == 2
    with pytest.raises(ValueError, match="the counter"):
        Counter.options(name="the counter").remote()
    with pytest.raises(ValueError, match="nobody"):
        ray.get_actor("nobody")
    again = Counter.options(name="the counter", get_if_exists=True).remote(100)
    assert ray.get(again.get.remote()) == 2
    ray.kill(counter)


def test_kill_fails_what_is_under_way():
    counter = Counter.remote()
    pid = ray.get(counter.pid.remote())
    ray.kill(counter)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(counter.get.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(counter.get.remote())
    assert pid > 0


def test_exit_actor_ends_it_without_restart():
    counter = Counter.options(max_restarts=5).remote()
    ray.get(counter.add.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(counter.stop.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(counter.get.remote())


def test_threaded_actors_run_calls_at_once():
    @ray.remote(num_cpus=0, max_concurrency=4)
    class Threaded:
        def wait(self):
            time.sleep(0.4)
            return 1

    actor = Threaded.remote()
    ray.get(actor.wait.remote())
    start = time.time()
    assert ray.get([actor.wait.remote() for _ in range(4)]) == [1] * 4
    assert time.time() - start < 1.2


def test_async_actors_interleave():
    @ray.remote(num_cpus=0)
    class Async:
        def __init__(self):
            self.event = asyncio.Event()

        async def wait(self):
            await self.event.wait()
            return "woken"

        async def wake(self):
            self.event.set()

        async def nested(self, value):
            return await identity.remote(value)

    @ray.remote
    def identity(value):
        return value

    actor = Async.remote()
    waiting = actor.wait.remote()
    assert ray.wait([waiting], timeout=0.2)[0] == []
    ray.get(actor.wake.remote())
    assert ray.get(waiting, timeout=10) == "woken"
    assert ray.get(actor.nested.remote(3), timeout=10) == 3


@pytest.mark.parametrize("options", [{}, {"max_concurrency": 2}])
def test_calls_can_be_cancelled_whatever_they_are_doing(options):
    class Endless:
        def run(self):
            while True:
                time.sleep(0.01)

        def ping(self):
            return "alive"

    actor = ray.remote(Endless).options(num_cpus=0, **options).remote()
    ray.get(actor.ping.remote())
    for pause in [0, 0.001, 0.002, 0.005, 0] * 4:
        ref = actor.run.remote()
        time.sleep(pause)
        ray.cancel(ref)
        with pytest.raises(ray.exceptions.TaskCancelledError):
            ray.get(ref, timeout=10)
    assert ray.get(actor.ping.remote()) == "alive"


def test_coroutines_can_be_cancelled_before_their_first_step():
    @ray.remote(num_cpus=0)
    class Endless:
        async def run(self):
            await asyncio.sleep(1000)

        async def ping(self):
            return "alive"

    actor = Endless.remote()
    ray.get(actor.ping.remote())
    refs = [actor.run.remote() for _ in range(50)]
    for ref in refs:
        ray.cancel(ref)
    for ref in refs:
        with pytest.raises(ray.exceptions.TaskCancelledError):
            ray.get(ref, timeout=10)
    assert ray.get(actor.ping.remote()) == "alive"


@pytest.mark.parametrize("options", [{}, {"max_concurrency": 2}])
def test_what_is_no_exception_is_an_error_of_the_call_all_the_same(options):
    class Stops:
        def run(self):
            raise BaseException("here")

    actor = ray.remote(Stops).options(num_cpus=0, **options).remote()
    for _ in range(2):
        with pytest.raises(ray.exceptions.RayTaskError, match="BaseException: here"):
            ray.get(actor.run.remote(), timeout=10)


def test_methods_take_options_in_every_way():
    @ray.remote(num_cpus=0)
    class Pair:
        @ray.method(num_returns=2)
        def two(self):
            return 1, 2

        @ray.method
        def one(self, value=1):
            return value

    pair = Pair._remote()
    assert ray.get(pair.two.remote()) == [1, 2]
    assert ray.get(pair.one.remote()) == 1
    assert ray.get(pair.one._remote(kwargs={"value": (3, 4)}, num_returns=2)) == [3, 4]


def test_actors_hold_their_resources(wait_for):
    @ray.remote(num_cpus=2)
    class Big:
        def ping(self):
            return ray.available_resources().get("CPU", 0)

    big = Big.remote()
    ray.get(big.ping.remote())
    wait_for(lambda: ray.available_resources().get("CPU", 0) <= 2)
    ray.kill(big)
    wait_for(lambda: ray.available_resources().get("CPU", 0) == 4)


def test_blocking_calls_of_an_asyncio_actor_are_warned_of_once(
    ray_start_4_cpus, catch_streams, wait_for
):
    streams = catch_streams()

    @ray.remote
    def slowly():
        time.sleep(0.05)

    @ray.remote
    class Blocking:
        async def block(self):
            reference = slowly.remote()
            return ray.get(reference), ray.wait([reference, slowly.remote()])

        async def wait_well(self):
            return await slowly.remote()

    actor = Blocking.remote()
    ray.get(actor.wait_well.remote())
    assert "async actor" not in streams.stderr.getvalue()
    for _ in range(3):
        ray.get(actor.block.remote())

    def told():
        said = streams.stderr.getvalue()
        return all(f"blocking ray.{call} inside" in said for call in ("get", "wait"))

    wait_for(told)
    assert streams.stderr.getvalue().count("blocking ray.get inside async actor") == 1


def test_a_class_travels_without_the_module_of_its_program():
    only_here = types.ModuleType("only_here")
    sys.modules["only_here"] = only_here
    try:
        exec(ONLY_HERE, only_here.__dict__)
        assert ray.get(only_here.Speaker.remote().speak.remote()) == "hello"
        assert only_here.Speaker.loudly("hello") == "HELLO"
    finally:
        del sys.modules["only_here"]


ONLY_HERE = """
import ray

@ray.remote
class Speaker:
    def speak(self):
        return "hello"

    @staticmethod
    def loudly(text):
        return text.upper()
"""
