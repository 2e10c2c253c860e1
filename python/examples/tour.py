# SPDX-License-Identifier: Apache-2.0
"""A tour of Ray's core: tasks, nested tasks, an actor, a large object, wait.

Runs in both worlds, and gives the same answer when a node dies in the middle of it:

    mobula run tour.py
    mobula sim tour.py --nodes 3 --cpus 2 --seed 7 --crash n2@0.5s
"""

import time

import numpy as np
import ray

ray.init()

ITEMS = 16
SIZE = 1_000_000  # 8 MB of float64


@ray.remote
def square(x):
    time.sleep(0.15)
    return x * x


@ray.remote
def sum_of_squares(limit):
    """A task that submits tasks and waits for them: its CPU is lent to them meanwhile."""
    return sum(ray.get([square.remote(x) for x in range(limit)]))


@ray.remote
def make_block(seed):
    """A large result: it stays in the shared memory of the node that made it."""
    time.sleep(0.2)
    return np.full(SIZE, float(seed))


@ray.remote
def total(block):
    """Reads its argument in place; the array is a read-only view of shared memory."""
    assert not block.flags.writeable
    time.sleep(0.1)
    return float(block.sum())


@ray.remote(max_restarts=-1, max_task_retries=-1)
class Notebook:
    """An actor keeps state between calls. Entries have names, so that a repeated call is harmless:
    the actor may be restarted, and calls that were under way are made again."""

    def __init__(self):
        self.entries = {}

    def write(self, name, value):
        self.entries[name] = value
        return len(self.entries)

    def read(self, name):
        return self.entries.get(name)


def main():
    # Tasks run in parallel; references are promises of their results.
    squares = [square.remote(x) for x in range(ITEMS)]

    # A task of tasks, and blocks of 8 MB with a task that depends on each.
    nested = sum_of_squares.remote(4)
    blocks = [make_block.remote(seed) for seed in range(4)]
    totals = [total.remote(block) for block in blocks]

    # wait hands out results as they come.
    pending, seen = list(squares), 0
    while pending:
        done, pending = ray.wait(pending, num_returns=1, timeout=30)
        seen += len(done)
    assert seen == ITEMS
    assert ray.get(squares) == [x * x for x in range(ITEMS)]
    print("squares:", ray.get(squares))

    assert ray.get(nested) == 0 + 1 + 4 + 9
    print("a task of tasks:", ray.get(nested))

    # An object put by the driver is shared, not copied, with every task on its node.
    weights = ray.put(np.arange(SIZE, dtype=np.float64))
    assert ray.get(total.remote(weights)) == SIZE * (SIZE - 1) / 2

    # If the node that held a block is gone, the block is made again before it is read.
    assert ray.get(totals) == [float(seed * SIZE) for seed in range(4)]
    assert [float(ray.get(block)[-1]) for block in blocks] == [0.0, 1.0, 2.0, 3.0]
    print("totals of 8 MB blocks:", ray.get(totals))

    notebook = Notebook.remote()
    ray.get([notebook.write.remote(f"square {x}", x * x) for x in range(ITEMS)])
    answer = ray.get(notebook.read.remote("square 7"))
    assert answer == 49, answer
    print("the actor remembers:", answer)

    checksum = sum(ray.get(squares)) + sum(ray.get(totals)) + answer
    print(f"checksum: {checksum:.0f}")


main()
