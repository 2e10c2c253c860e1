# SPDX-License-Identifier: Apache-2.0
"""Work on all nodes, of which one dies meanwhile: the answers stay right.

Large results lie on the node that made them, so some are lost after their task has ended.
"""

import time

import numpy as np
import ray

ray.init()


@ray.remote
def block(seed):
    time.sleep(0.1)
    return np.full(500_000, seed, dtype=np.int64)


@ray.remote
def add(left, right):
    time.sleep(0.1)
    return left + right


@ray.remote
def slow(x):
    time.sleep(1)
    return x


blocks = [block.remote(seed) for seed in range(12)]
ray.wait(blocks, num_returns=len(blocks), fetch_local=False)
print("blocks made", file=__import__("sys").stderr)
pending = [slow.remote(x) for x in range(6)]
time.sleep(1)
pairs = [add.remote(blocks[i], blocks[i + 1]) for i in range(0, 12, 2)]
assert [int(pair[0]) for pair in ray.get(pairs)] == [1, 5, 9, 13, 17, 21]
assert ray.get(pending) == list(range(6))
assert [int(one.sum()) for one in ray.get(blocks)] == [500_000 * seed for seed in range(12)]
print("OK")
