# SPDX-License-Identifier: Apache-2.0
"""A task that must not be tried again."""

import time

import ray
from nodes import on, outcome

ray.init()


@ray.remote(max_retries=0)
def fragile(number):
    time.sleep(0.3)
    return number


print(outcome(fragile.options(**on("n2")).remote(1)))
print(outcome(fragile.options(**on("n3")).remote(2)))
