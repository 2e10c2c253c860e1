# SPDX-License-Identifier: Apache-2.0
"""Small programs for exhaustive search: the argument says which."""

import sys
import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ray.init()


@ray.remote(scheduling_strategy="SPREAD")
def double(x):
    time.sleep(0.01)
    return 2 * x


@ray.remote(num_cpus=0)
class Sum:
    def __init__(self):
        self.value = 0

    def add(self, x):
        self.value += x
        return self.value


@ray.remote(scheduling_strategy="SPREAD", max_retries=-1)
def add_to(total, x):
    """Not idempotent: a crash after the call and before the answer makes it count twice."""
    time.sleep(0.01)
    ray.get(total.add.remote(x))


@ray.remote(scheduling_strategy="SPREAD", max_retries=0)
def once(x):
    time.sleep(0.01)
    return x


def right():
    print(sum(ray.get([double.remote(x) for x in range(3)])))


def wrong():
    head = ray.get_runtime_context().get_node_id()
    place = NodeAffinitySchedulingStrategy(head, soft=False)
    total = Sum.options(scheduling_strategy=place).remote()
    ray.get([add_to.remote(total, x) for x in (1, 2, 4)])
    print(ray.get(total.add.remote(0)))


def unlucky():
    print(ray.get([once.remote(x) for x in range(3)]))


def patient():
    while True:
        try:
            print(ray.get([once.remote(x) for x in range(3)]))
            return
        except ray.exceptions.RayError:
            while True:
                time.sleep(1)


def broken():
    raise LookupError("without any fault")


{f.__name__: f for f in (right, wrong, unlucky, patient, broken)}[sys.argv[1]]()
