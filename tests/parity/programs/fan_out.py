# SPDX-License-Identifier: Apache-2.0
"""Tasks on all nodes, some of which need the results of others."""

import time

import ray
from nodes import on

ray.init()


@ray.remote
def square(number):
    time.sleep(0.3)
    return number * number


@ray.remote
def total(*numbers):
    time.sleep(0.1)
    return sum(numbers)


squares = [square.options(**on(f"n{1 + i % 3}")).remote(i) for i in range(9)]
totals = [total.options(**on(f"n{1 + i % 3}")).remote(*squares[i : i + 3]) for i in range(7)]
print(ray.get(squares))
print(ray.get(totals))
