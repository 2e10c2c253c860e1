# SPDX-License-Identifier: Apache-2.0
"""An actor that is started again, and one that is not."""

import ray
from nodes import on, outcome

ray.init()


@ray.remote
class Counter:
    def __init__(self):
        self.count = 0

    def add(self):
        self.count += 1
        return self.count


restarted = Counter.options(max_restarts=1, max_task_retries=1, **on("n2")).remote()
print([outcome(restarted.add.remote()) for _ in range(5)])
mortal = Counter.options(**on("n3")).remote()
print([outcome(mortal.add.remote()) for _ in range(5)])
