# SPDX-License-Identifier: Apache-2.0
"""Globals and class attributes of the program are each worker's own, and the driver's."""

import os

import ray

ray.init()
count = 0


class Shared:
    count = 0


@ray.remote
class Worker:
    def work(self):
        global count
        count += 1
        Shared.count += 1
        return count, Shared.count, os.getpid()

    def make(self):
        return Shared()


workers = [Worker.remote() for _ in range(3)]
results = ray.get([worker.work.remote() for worker in workers for _ in range(2)])
assert [result[:2] for result in results] == [(1, 1), (2, 2)] * 3, results
assert len({pid for _, _, pid in results} | {os.getpid()}) == 4, results
assert count == 0 and Shared.count == 0
# The driver recognises its own class.
assert type(ray.get(workers[0].make.remote())) is Shared
print("OK")
