# SPDX-License-Identifier: Apache-2.0
"""Eight tasks that sleep 0 to 0.7 s: prints how long they take, and in which order."""

import time

import ray

ray.init(num_cpus=8)


@ray.remote
def retrieve(item):
    time.sleep(item / 10.0)
    return item


ray.get([retrieve.remote(item) for item in range(8)])  # Starts the workers.
start = time.time()
assert ray.get([retrieve.remote(item) for item in range(8)]) == list(range(8))
print("took", time.time() - start)

start = time.monotonic()
waiting = [retrieve.remote(item) for item in (7, 3, 5, 1)]
while waiting:
    ready, waiting = ray.wait(waiting)
    print("ready", ray.get(ready[0]), round(time.monotonic() - start, 3))
