# SPDX-License-Identifier: Apache-2.0
"""A reference whose owner dies."""

import time

import ray
from nodes import on, outcome

ray.init()


@ray.remote
class Owner:
    def make(self):
        return [ray.put(bytes(1 << 20))]


owner = Owner.options(**on("n2")).remote()
[reference] = ray.get(owner.make.remote())
# The plan kills the owner.
time.sleep(0.6)
print(outcome(reference))
