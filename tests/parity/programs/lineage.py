# SPDX-License-Identifier: Apache-2.0
"""Large results whose only copies are lost while nobody looks."""

import time

import ray
from nodes import on

ray.init()


@ray.remote
def make(seed):
    return bytes([seed]) * (1 << 20)


@ray.remote
def twice(data):
    return data + data


made = [make.options(**on("n2")).remote(seed) for seed in range(3)]
doubled = [twice.options(**on("n2")).remote(data) for data in made]
ray.wait(doubled, num_returns=3, fetch_local=False)
# The plan takes n2 away.
time.sleep(1.5)
print([(len(data), data[0], data[-1]) for data in ray.get(doubled)])
