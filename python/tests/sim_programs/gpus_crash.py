# SPDX-License-Identifier: Apache-2.0
"""No GPU has more on it than there is of it, while nodes and workers die."""

import collections
import random
import time

import ray

ray.init()


@ray.remote(num_cpus=0, max_retries=-1, scheduling_strategy="SPREAD")
def use(share):
    start = time.time()
    time.sleep(random.uniform(0.01, 0.05))
    ids = ray.get_gpu_ids()
    assert len(ids) == max(1, int(share)), (share, ids)
    return ray.get_runtime_context().get_node_id(), ids, share, start, time.time()


shares = [random.choice([0.25, 0.4, 0.6, 1, 2]) for _ in range(60)]
used = ray.get([use.options(num_gpus=share).remote(share) for share in shares])
events = collections.defaultdict(list)
for node, ids, share, start, end in used:
    for gpu in ids:
        # What ends makes room for what starts at the same time.
        events[node, gpu].append((end, 0, -min(share, 1)))
        events[node, gpu].append((start, 1, min(share, 1)))
assert len(events) >= 5, list(events)
for gpu, changes in events.items():
    load = 0
    for at, _, change in sorted(changes):
        load += change
        assert load < 1.0001, (gpu, at, load)
print("OK")
