# SPDX-License-Identifier: Apache-2.0
"""The standard library on virtual time, without a cluster."""

import asyncio
import datetime
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

began = time.monotonic()


def passed():
    return round(time.monotonic() - began, 4)


wall = datetime.datetime.now()
time.sleep(0.7)
assert passed() == 0.7
slept = datetime.datetime.now() - wall
assert datetime.timedelta(seconds=0.7) <= slept < datetime.timedelta(seconds=0.7001)

results = queue.Queue()


def put_late(item):
    time.sleep(item)
    results.put(item)


threads = [threading.Thread(target=put_late, args=(item,)) for item in (3, 1, 2)]
for thread in threads:
    thread.start()
assert [results.get() for _ in threads] == [1, 2, 3]
assert passed() == 3.7
try:
    results.get(timeout=2)
except queue.Empty:
    assert passed() == 5.7

# Less than a nanosecond is time, too: loops wait for such rests.
held = threading.Lock()
held.acquire()
before = time.monotonic_ns()
assert not held.acquire(timeout=1e-12)
assert time.monotonic_ns() > before

with ThreadPoolExecutor(2) as pool:
    assert list(pool.map(lambda x: time.sleep(1) or x, range(4))) == [0, 1, 2, 3]
assert passed() == 7.7


async def later(item):
    await asyncio.sleep(item)
    return item


async def main():
    assert await asyncio.gather(later(3), later(1)) == [3, 1]
    assert await asyncio.to_thread(lambda: time.sleep(1) or "slept") == "slept"
    try:
        await asyncio.wait_for(later(10), 2)
    except TimeoutError:
        return passed()


assert asyncio.run(main()) == 13.7

local = threading.local()
local.mine = True
seen = []
thread = threading.Thread(target=lambda: seen.append(hasattr(local, "mine")))
thread.start()
thread.join()
assert seen == [False]

lock = threading.Lock()
with lock:
    assert not lock.acquire(timeout=1)
assert passed() == 14.7
assert os.cpu_count() == 6
assert os.system("clear") == 0
threading.Timer(1, lambda: print("last", passed())).start()
print("OK")
