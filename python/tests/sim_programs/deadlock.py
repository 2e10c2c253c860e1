# SPDX-License-Identifier: Apache-2.0
"""Actors on several nodes that wait for one another in a circle; the driver is told."""

import ray

ray.init()


@ray.remote(scheduling_strategy="SPREAD", num_cpus=1)
class Philosopher:
    def sit_beside(self, neighbour):
        self.neighbour = neighbour

    def eat(self):
        return ray.get(self.neighbour.pass_fork.remote())

    def pass_fork(self):
        return "fork"


table = [Philosopher.remote() for _ in range(3)]
ray.get([table[i].sit_beside.remote(table[(i + 1) % 3]) for i in range(3)])
meals = [one.eat.remote() for one in table]
assert ray.wait(meals, timeout=9)[0] == []
print("nothing yet")
assert ray.wait(meals, timeout=9)[0] == []
ray.kill(table[0])
for meal in meals[1:]:
    try:
        print(ray.get(meal))
    except ray.exceptions.RayActorError:
        print("no fork")
