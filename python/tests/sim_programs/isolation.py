# SPDX-License-Identifier: Apache-2.0
"""Globals and class attributes of the program are each worker's own, and the driver's."""

import os

import ray

ray.init(runtime_env={"env_vars": {"OF_JOB": "job"}})
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

    def environ(self, name):
        os.environ[name] = "mine"
        return os.environ.get("OF_JOB"), os.environ.get("OF_ACTOR")


workers = [Worker.remote() for _ in range(3)]
results = ray.get([worker.work.remote() for worker in workers for _ in range(2)])
assert [result[:2] for result in results] == [(1, 1), (2, 2)] * 3, results
assert len({pid for _, _, pid in results} | {os.getpid()}) == 4, results
assert count == 0 and Shared.count == 0
# The driver recognises its own class.
assert type(ray.get(workers[0].make.remote())) is Shared

special = Worker.options(runtime_env={"env_vars": {"OF_ACTOR": "actor"}}).remote()
assert ray.get(special.environ.remote("NEW")) == ("job", "actor")
assert ray.get(workers[0].environ.remote("NEW")) == ("job", None)
assert not {"NEW", "OF_JOB", "OF_ACTOR"} & set(os.environ)
print("OK")
