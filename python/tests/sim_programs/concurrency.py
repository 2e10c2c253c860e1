# SPDX-License-Identifier: Apache-2.0
"""Waits of every kind, of threads, coroutines and actors; each must take its virtual time."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ray

ray.init(num_cpus=4)
began = time.monotonic()


def passed(expected):
    """Whether that much time has passed since this was last asked, give or take overheads."""
    global began
    seconds, began = time.monotonic() - began, time.monotonic()
    return expected <= seconds < expected + 0.02


@ray.remote
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@ray.remote(max_retries=0)
def leave():
    sys.exit(3)


@ray.remote(max_concurrency=3)
class Threaded:
    def work(self):
        time.sleep(0.5)
        return threading.get_ident()


@ray.remote
class Async:
    async def work(self, references):
        value = await references[0]
        await asyncio.sleep(0.2)
        return value, await sleep.remote(0.1)

    async def wait_for_ever(self):
        await asyncio.Event().wait()


async def await_references():
    first = await sleep.remote(0.1)
    return first, await asyncio.gather(sleep.remote(0.2), sleep.remote(0.3))


def fails_with(error, reference):
    try:
        ray.get(reference)
    except error:
        return True
    return False


assert asyncio.run(await_references()) == (0.1, [0.2, 0.3])
assert passed(0.4)

with ThreadPoolExecutor(3) as pool:
    results = list(pool.map(lambda seconds: ray.get(sleep.remote(seconds)), [0.1, 0.2, 0.3]))
assert results == [0.1, 0.2, 0.3] and passed(0.3)

assert sleep.remote(0.1).future().result() == 0.1
assert passed(0.1)

threaded = Threaded.remote()
assert len(set(ray.get([threaded.work.remote() for _ in range(3)]))) == 3
assert passed(0.5)

actor = Async.remote()
assert ray.get([actor.work.remote([sleep.remote(0.05)]) for _ in range(3)]) == [(0.05, 0.1)] * 3
assert passed(0.35)

endless = actor.wait_for_ever.remote()
ray.cancel(endless)
assert fails_with(ray.exceptions.TaskCancelledError, endless) and passed(0)

long = sleep.remote(100)
time.sleep(0.1)
ray.cancel(long)
assert fails_with(ray.exceptions.TaskCancelledError, long) and passed(0.1)

try:
    ray.get(sleep.remote(100), timeout=0.5)
except ray.exceptions.GetTimeoutError:
    assert passed(0.5)

assert fails_with(ray.exceptions.WorkerCrashedError, leave.remote())
print("OK")
