# SPDX-License-Identifier: Apache-2.0
"""An actor that may be restarted loses its state and goes on; another one stays dead."""

import contextlib
import os
import time

import ray

ray.init()


@ray.remote
class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1
        return self.value

    def die(self):
        os._exit(1)


lasting = Counter.options(max_restarts=1).remote()
assert ray.get([lasting.add.remote() for _ in range(3)]) == [1, 2, 3]
with contextlib.suppress(ray.exceptions.RayActorError):
    ray.get(lasting.die.remote())
time.sleep(1)
assert ray.get(lasting.add.remote()) == 1

mortal = Counter.remote()
assert ray.get(mortal.add.remote()) == 1
try:
    ray.get(mortal.die.remote())
except ray.exceptions.RayActorError:
    pass
else:
    raise AssertionError("the call of a dead actor came back")
try:
    ray.get(mortal.add.remote())
except ray.exceptions.RayActorError:
    pass
else:
    raise AssertionError("a dead actor answered")
print("OK")
