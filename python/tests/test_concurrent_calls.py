# SPDX-License-Identifier: Apache-2.0
# Goal: the calls of a concurrent actor overlap as far as they wait, and nothing that its event
# loop waits for besides is late. Method: actors of the real world; what they tell of their threads.
import asyncio
import itertools
import os
import threading
import time

import mobula as ray
import psutil
import pytest

pytestmark = pytest.mark.usefixtures("cluster")


@ray.remote(max_concurrency=8)
class Threaded:
    def __init__(self):
        self.gate = threading.Barrier(8)

    def meet(self):
        self.gate.wait(timeout=20)
        return threading.get_ident()

    def nap(self, span):
        time.sleep(span)

    def thread(self):
        return threading.get_ident()


@ray.remote
class Looping:
    async def nap(self, span):
        await asyncio.sleep(span)
        return time.monotonic()

    async def value(self, value):
        return value

    async def through_pipe(self, text):
        """What comes out of a pipe into which a thread writes later."""
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        came = loop.create_future()
        loop.add_reader(reading, lambda: came.set_result(os.read(reading, 100).decode()))
        threading.Timer(0.05, lambda: os.write(writing, text.encode())).start()
        try:
            return await came
        finally:
            loop.remove_reader(reading)
            os.close(reading)
            os.close(writing)

    async def through_thread(self, value):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: (time.sleep(0.05), value)[1])

    async def blocks(self, span):
        time.sleep(span)

    async def gets(self, references):
        return ray.get(references[0])


def test_calls_that_wait_have_a_thread_each():
    actor = Threaded.remote()
    threads = ray.get([actor.meet.remote() for _ in range(8)], timeout=30)
    assert len(set(threads)) == 8
    # Once more, with threads that have been idle.
    assert set(ray.get([actor.meet.remote() for _ in range(8)], timeout=30)) == set(threads)


def test_no_more_calls_overlap_than_the_actor_allows():
    actor = Threaded.remote()
    ray.get(actor.thread.remote())
    start = time.monotonic()
    ray.get([actor.nap.remote(0.2) for _ in range(16)])
    assert 0.4 <= time.monotonic() - start < 3


def test_calls_that_never_wait_need_few_threads():
    actor = Threaded.remote()
    threads = ray.get([actor.thread.remote() for _ in range(2000)])
    changes = sum(one != other for one, other in itertools.pairwise(threads))
    assert changes < 500


def test_a_call_does_not_wait_for_one_that_naps():
    actor = Threaded.remote()
    napping = actor.nap.remote(20)
    for _ in range(100):
        assert isinstance(ray.get(actor.thread.remote(), timeout=10), int)
    ray.cancel(napping)


def test_a_loop_serves_timers_files_and_threads_while_calls_come():
    actor = Looping.remote()
    others = [actor.through_pipe.remote("in"), actor.through_thread.remote("done")]
    others += [actor.nap.remote(0.05)]
    for number in range(500):
        assert ray.get(actor.value.remote(number), timeout=10) == number
    assert ray.get(others, timeout=10)[:2] == ["in", "done"]


def test_a_loop_that_only_waits_for_files_or_timers_wakes():
    actor = Looping.remote()
    assert ray.get(actor.through_pipe.remote("alone"), timeout=10) == "alone"
    start = time.monotonic()
    ray.get([actor.nap.remote(0.2) for _ in range(200)], timeout=10)
    assert time.monotonic() - start < 3


def test_timers_end_in_their_order():
    actor = Looping.remote()
    spans = [0.3, 0.1, 0.2]
    ends = ray.get([actor.nap.remote(span) for span in spans], timeout=10)
    assert sorted(spans) == [span for _, span in sorted(zip(ends, spans, strict=True))]


def test_calls_that_come_while_the_loop_is_blocked_run_afterwards():
    actor = Looping.remote()
    blocked = actor.blocks.remote(0.3)
    assert ray.get([actor.value.remote(i) for i in range(50)], timeout=10) == list(range(50))
    ray.get(blocked)
    # A get inside blocks it, too, and lets the process read.
    assert ray.get(actor.gets.remote([ray.put("x" * 10)]), timeout=10) == "x" * 10


def test_an_asyncio_actor_leaves_when_it_is_told_to(wait_for):
    @ray.remote
    class Leaving:
        async def pid(self):
            return os.getpid()

        async def leave(self):
            ray.actor.exit_actor()

    actor = Leaving.remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.leave.remote(), timeout=10)
    wait_for(lambda: not psutil.pid_exists(pid), "the process of the actor is gone")
