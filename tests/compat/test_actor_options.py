# SPDX-License-Identifier: Apache-2.0
"""What an actor's options say of its calls: groups that run side by side, limits, order."""

import asyncio
import threading
import time

import pytest
import ray
from ray.exceptions import PendingCallsLimitExceeded, TaskCancelledError


@ray.remote(concurrency_groups={"io": 2, "compute": 1})
class Threaded:
    def __init__(self):
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most = 0

    def plain(self):
        return threading.current_thread().name

    @ray.method(concurrency_group="io")
    def wait(self):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.released.wait()
        with self.lock:
            self.running -= 1
        return self.most

    @ray.method(concurrency_group="compute")
    def release(self):
        self.released.set()

    def count(self):
        return self.running


@ray.remote(concurrency_groups={"io": 2})
class Async:
    def __init__(self):
        self.released = asyncio.Event()
        self.running = self.most = 0

    @ray.method(concurrency_group="io")
    async def wait(self):
        self.running += 1
        self.most = max(self.most, self.running)
        await self.released.wait()
        self.running -= 1
        return self.most

    async def release(self):
        self.released.set()

    async def count(self):
        return self.running


@pytest.mark.parametrize("actor_class", [Threaded, Async])
def test_a_full_group_holds_up_no_other(ray_start_4_cpus, actor_class, wait_for):
    actor = actor_class.remote()
    waiting = [actor.wait.remote() for _ in range(4)]
    wait_for(lambda: ray.get(actor.count.remote()) == 2)
    time.sleep(0.1)
    assert ray.get(actor.count.remote()) == 2
    ray.get(actor.release.remote())
    assert ray.get(waiting) == [2] * 4


def test_a_call_can_name_its_group(ray_start_4_cpus, wait_for):
    actor = Threaded.remote()
    blocked = actor.wait.options(concurrency_group="compute").remote()
    wait_for(lambda: ray.get(actor.count.remote()) == 1)
    ray.get(actor.release.options(concurrency_group="io").remote())
    assert ray.get(blocked) == 1
    with pytest.raises(ValueError, match="nothing"):
        actor.wait.options(concurrency_group="nothing").remote()


def test_a_method_of_an_unknown_group_is_refused(ray_start_4_cpus):
    class Wrong:
        @ray.method(concurrency_group="io")
        def f(self):
            pass

    with pytest.raises(ValueError, match="concurrency_groups"):
        ray.remote(Wrong)
    for groups in ({"io": 0}, {1: 1}, ["io"]):
        with pytest.raises(ValueError, match="concurrency_groups"):
            ray.remote(concurrency_groups=groups)(Wrong)


@pytest.mark.parametrize("actor_class", [Threaded, Async])
def test_a_call_that_waits_for_its_group_can_be_cancelled(ray_start_4_cpus, actor_class, wait_for):
    actor = actor_class.remote()
    waiting = [actor.wait.remote() for _ in range(3)]
    wait_for(lambda: ray.get(actor.count.remote()) == 2)
    ray.cancel(waiting[2])
    ray.get(actor.release.remote())
    assert ray.get(waiting[:2]) == [2, 2]
    with pytest.raises(TaskCancelledError):
        ray.get(waiting[2])


def test_no_more_calls_may_be_pending_than_said(ray_start_4_cpus, wait_for):
    @ray.remote
    class Slow:
        def __init__(self, gate):
            self.gate = gate

        def work(self):
            return ray.get(self.gate[0].wait.remote())

    gate = Threaded.remote()
    actor = Slow.options(max_pending_calls=2).remote([gate])
    calls = [actor.work.remote() for _ in range(2)]
    with pytest.raises(
        PendingCallsLimitExceeded, match="more than 2 tasks are queued on the actor"
    ):
        actor.work.remote()
    ray.get(gate.release.remote())
    ray.get(calls)
    ray.get(actor.work.remote())
    for wrong in (0, -2, 1.5):
        with pytest.raises((TypeError, ValueError), match="max_pending_calls"):
            Slow.options(max_pending_calls=wrong)


@pytest.mark.parametrize("out_of_order", [False, True])
def test_a_call_that_waits_for_its_argument_may_let_others_by(ray_start_4_cpus, out_of_order):
    @ray.remote
    class Log:
        def __init__(self):
            self.entries = []

        def add(self, entry):
            self.entries.append(entry)
            return list(self.entries)

    gate = Threaded.remote()
    log = Log.options(allow_out_of_order_execution=out_of_order).remote()
    late = log.add.remote(gate.wait.remote())
    early = log.add.remote("early")
    if out_of_order:
        assert ray.get(early) == ["early"]
        ray.get(gate.release.remote())
        assert ray.get(late) == ["early", 1]
    else:
        assert ray.wait([early], timeout=0.2)[0] == []
        ray.get(gate.release.remote())
        assert ray.get(early) == [1, "early"]


def test_an_actor_class_is_no_base_class(ray_start_4_cpus):
    with pytest.raises(ray.actor.ActorClassInheritanceException, match="plain class"):

        class Derived(Threaded):
            pass
