# SPDX-License-Identifier: Apache-2.0
"""Waits for a task that no node can ever run."""

import ray

ray.init()


@ray.remote(num_cpus=1000)
def huge():
    return 1


def wait_forever():
    ray.get(huge.remote())


wait_forever()
