# SPDX-License-Identifier: Apache-2.0
"""Goal: what tests/compat does not look at: cancelling, concurrency, contexts, lifetimes."""

import asyncio
import os
import threading
import time

import mobula
import numpy as np
import pytest
from mobula import exceptions

pytestmark = pytest.mark.usefixtures("cluster")


@mobula.remote
def identity(x):
    return x


@mobula.remote(num_cpus=0)
class Sleeper:
    def sleep(self, seconds):
        time.sleep(seconds)
        return threading.current_thread() is threading.main_thread()

    async def nothing(self):
        pass


def test_a_running_task_is_interrupted_and_its_worker_goes_on():
    @mobula.remote
    def slow():
        time.sleep(100)

    pids = {mobula.get(mobula.remote(os.getpid).remote()) for _ in range(4)}
    for _ in range(5):
        reference = slow.remote()
        mobula.wait([reference], timeout=0.1)
        mobula.cancel(reference)
        with pytest.raises(exceptions.TaskCancelledError):
            mobula.get(reference, timeout=10)
    assert pids


def test_cancelling_spreads_to_children():
    @mobula.remote
    def child():
        time.sleep(100)

    @mobula.remote
    def parent():
        return mobula.get(child.remote())

    reference = parent.remote()
    mobula.wait([reference], timeout=0.3)
    mobula.cancel(reference)
    with pytest.raises(exceptions.TaskCancelledError):
        mobula.get(reference, timeout=10)
    start = time.monotonic()
    assert mobula.get([identity.options(num_cpus=4).remote(1)], timeout=10) == [1]
    assert time.monotonic() - start < 10


def test_coroutines_of_an_actor_are_cancelled():
    @mobula.remote(num_cpus=0)
    class Async:
        async def wait(self):
            await asyncio.sleep(100)

        async def ping(self):
            return 1

    actor = Async.remote()
    mobula.get(actor.ping.remote())
    reference = actor.wait.remote()
    mobula.wait([reference], timeout=0.2)
    mobula.cancel(reference)
    with pytest.raises(exceptions.TaskCancelledError):
        mobula.get(reference, timeout=10)
    assert mobula.get(actor.ping.remote(), timeout=10) == 1


def test_the_constructor_of_an_asyncio_actor_runs_on_its_loop():
    @mobula.remote(num_cpus=0)
    class Background:
        def __init__(self):
            self.loop = asyncio.get_running_loop()
            self.done = self.loop.create_task(self.work())

        async def work(self):
            await asyncio.sleep(0.01)
            return "worked"

        async def result(self):
            assert asyncio.get_running_loop() is self.loop
            return await self.done

    assert mobula.get(Background.remote().result.remote(), timeout=20) == "worked"


def test_the_driver_may_await_in_several_loops():
    async def gather():
        return await asyncio.gather(*[identity.remote(i) for i in range(20)])

    assert asyncio.run(gather()) == list(range(20))
    assert asyncio.run(gather()) == list(range(20))


def test_an_awaited_failure_raises():
    @mobula.remote
    def fail():
        raise ValueError("no")

    async def main():
        with pytest.raises(ValueError, match="no"):
            await fail.remote()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(wrapped(100)), 0.1)

    async def wrapped(seconds):
        return await identity.options(resources={"none": 1}).remote(seconds)

    asyncio.run(main())


def test_worker_processes_end_after_max_calls():
    @mobula.remote(max_calls=1)
    def pid():
        return os.getpid()

    pids = [mobula.get(pid.remote()) for _ in range(3)]
    assert len(set(pids)) == 3


def test_exceptions_of_some_classes_are_retried(tmp_path):
    marks = tmp_path / "marks"

    @mobula.remote(max_retries=2, retry_exceptions=[KeyError])
    def fail(error):
        with open(marks, "a") as file:
            file.write("x")
        raise error

    with pytest.raises(KeyError):
        mobula.get(fail.remote(KeyError("retried")))
    assert marks.read_text() == "xxx"
    with pytest.raises(ValueError, match="not retried"):
        mobula.get(fail.remote(ValueError("not retried")))
    assert marks.read_text() == "xxxx"


def test_large_arguments_are_put_and_shared():
    array = np.arange(500_000)

    @mobula.remote
    def check(first, second, *, third):
        assert not first.flags.writeable
        return int(first[-1] + second["inside"][-1] + third[-1])

    result = check.remote(array, {"inside": array}, third=array)
    assert mobula.get(result) == 3 * 499_999


def test_the_runtime_context_tells_where_code_runs():
    context = mobula.get_runtime_context()
    assert context.get_task_id() is None

    @mobula.remote(num_cpus=2)
    def look():
        inner = mobula.get_runtime_context()
        return inner.get_job_id(), inner.get_task_id(), inner.get_assigned_resources()

    job, task, resources = mobula.get(look.remote())
    assert job == context.get_job_id()
    assert len(task) == 32
    assert resources == {"CPU": 2}

    @mobula.remote(num_cpus=0)
    class Self:
        def me(self):
            inner = mobula.get_runtime_context()
            return inner.current_actor, inner.get_actor_id()

    actor = Self.remote()
    handle, actor_id = mobula.get(actor.me.remote())
    assert handle == actor
    assert actor_id == actor._actor_id.hex()


def test_common_methods_of_actors():
    @mobula.remote(num_cpus=0)
    class Plain:
        value = 5

    actor = Plain.remote()
    assert mobula.get(actor.__ray_ready__.remote()) is True
    assert mobula.get(actor.__ray_call__.remote(lambda self, x: self.value + x, 2)) == 7
    actor.__ray_terminate__.remote()
    with pytest.raises(exceptions.RayActorError):
        mobula.get(actor.__ray_ready__.remote(), timeout=10)


def test_a_detached_actor_outlives_its_handles():
    Sleeper.options(name="lasting", lifetime="detached").remote()
    time.sleep(0.3)
    again = mobula.get_actor("lasting")
    mobula.get(again.nothing.remote(), timeout=10)
    mobula.kill(again)


def test_many_calls_in_flight():
    references = [identity.remote(i) for i in range(2000)]
    assert mobula.get(references) == list(range(2000))


def test_printing_threads_and_background_work_in_tasks():
    @mobula.remote
    def background():
        results = []

        def work():
            results.append(mobula.get(identity.remote(3)))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
        return results

    assert mobula.get(background.remote(), timeout=20) == [3]
