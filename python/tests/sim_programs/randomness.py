# SPDX-License-Identifier: Apache-2.0
"""Prints what all sources of randomness give, in the driver and in workers."""

import os
import random
import secrets
import uuid

import numpy as np
import ray

ray.init()


def draw():
    return [
        random.random(),
        random.Random().random(),
        random.SystemRandom().random(),
        os.urandom(4).hex(),
        str(uuid.uuid1()),
        str(uuid.uuid4()),
        secrets.token_hex(4),
        float(np.random.rand()),
        float(np.random.default_rng().random()),
        float(np.random.RandomState().rand()),
    ]


@ray.remote
class Drawer:
    def draw(self):
        return draw()


drawn = [draw(), draw(), *ray.get([Drawer.remote().draw.remote() for _ in range(3)])]
for one in drawn:
    print(*one)
for values in zip(*drawn, strict=True):
    assert len(set(values)) == len(values), values

random.seed(1)
assert random.random() == random.Random(1).random()
