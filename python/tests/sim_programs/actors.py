# SPDX-License-Identifier: Apache-2.0
"""Actors: state, order of calls, handles that travel, asyncio, names."""

import asyncio
import time

import ray

ray.init()


@ray.remote
class Counter:
    def __init__(self, start=0):
        self.value = start

    def add(self, amount=1):
        self.value += amount
        return self.value


@ray.remote
class Meeting:
    """Every caller waits for the last one."""

    def __init__(self, size):
        self.missing = size
        self.complete = asyncio.Event()

    async def join(self):
        self.missing -= 1
        if self.missing == 0:
            self.complete.set()
        await self.complete.wait()
        await asyncio.sleep(0.25)
        return self.missing


@ray.remote
def add_twice(counter):
    ray.get([counter.add.remote(), counter.add.remote()])


counter = Counter.remote(10)
assert ray.get([counter.add.remote() for _ in range(5)]) == [11, 12, 13, 14, 15]
ray.get([add_twice.remote(counter) for _ in range(3)])
assert ray.get(counter.add.remote(0)) == 21

named = Counter.options(name="the counter").remote()
ray.get(named.add.remote(5))
assert ray.get(ray.get_actor("the counter").add.remote()) == 6

meeting = Meeting.remote(3)
ray.get(meeting.__ray_ready__.remote())
start = time.monotonic()
assert ray.get([meeting.join.remote() for _ in range(3)]) == [0, 0, 0]
assert 0.25 <= time.monotonic() - start < 0.26

ray.kill(counter)
try:
    ray.get(counter.add.remote())
except ray.exceptions.RayActorError:
    pass
else:
    raise AssertionError("the actor outlived its death")
print("OK")
