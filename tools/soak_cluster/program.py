# SPDX-License-Identifier: Apache-2.0
"""The program of the soak: rounds of everything, until a file says that it is enough.

Writes a JSON line for each round, and one for the end. A result that is wrong, or does not come
within the patience, ends it with an error.
"""

import hashlib
import json
import pathlib
import random
import sys
import time

import mobula as ray
import numpy

PATIENCE_S = 150
LARGE_BYTES = 100_000_000
ACTORS = 5
# Rounds for which large objects are kept: together they are more than the stores hold.
ROUNDS_KEPT = 2

ray.init(address="auto")


@ray.remote(max_retries=-1)
def square(number):
    return number * number


@ray.remote(max_retries=-1)
def total(*numbers):
    return sum(numbers)


@ray.remote(max_retries=-1)
def nested(count):
    return sum(ray.get([square.remote(number) for number in range(count)]))


@ray.remote(max_retries=-1, scheduling_strategy="SPREAD")
def make(seed):
    return numpy.full(LARGE_BYTES // 8, seed, dtype=numpy.int64)


@ray.remote(max_retries=-1, scheduling_strategy="SPREAD")
def look_at(array):
    return array.nbytes, int(array[0]), int(array[:: 1 << 12].sum())


@ray.remote(max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD", num_cpus=0)
class Hasher:
    def digest(self, text):
        return hashlib.sha256(text.encode()).hexdigest()


def expect(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {found!r}")


def get(references):
    return ray.get(references, timeout=PATIENCE_S)


class Rounds:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.actors = [Hasher.remote() for _ in range(ACTORS)]
        self.kept = []
        self.done = 0

    def run(self):
        self.tasks()
        self.calls()
        self.large_objects()
        self.done += 1

    def tasks(self):
        numbers = [self.random.randrange(1000) for _ in range(60)]
        squares = [square.remote(number) for number in numbers]
        parts = [total.remote(*squares[i::6]) for i in range(6)]
        deep = nested.remote(20)
        expect(get(total.remote(*parts)), sum(n * n for n in numbers), "a sum of squares")
        expect(get(deep), sum(n * n for n in range(20)), "a nested sum")

    def calls(self):
        # One is replaced now and then, so that actors are made and ended, too.
        place = self.random.randrange(ACTORS)
        ray.kill(self.actors[place])
        self.actors[place] = Hasher.remote()
        texts = [f"{self.done}-{number}" for number in range(40)]
        calls = [self.actors[i % ACTORS].digest.remote(text) for i, text in enumerate(texts)]
        for text, digest in zip(texts, get(calls), strict=True):
            expect(digest, hashlib.sha256(text.encode()).hexdigest(), "a digest")

    def large_objects(self):
        seeds = [self.random.randrange(1 << 30) for _ in range(5)]
        made = [make.remote(seed) for seed in seeds]
        here = ray.put(numpy.full(LARGE_BYTES // 8, self.done, dtype=numpy.int64))
        self.kept.append((list(zip(seeds, made, strict=True)), (self.done, here)))
        # Older ones have been spilled meanwhile, or lost.
        looked = [
            (seed, look_at.remote(reference))
            for of_tasks, of_put in self.kept
            for seed, reference in [*self.random.sample(of_tasks, 3), of_put]
        ]
        for seed, facts in looked:
            elements = len(range(0, LARGE_BYTES // 8, 1 << 12))
            expect(get(facts), (LARGE_BYTES, seed, seed * elements), "a large object")
        del self.kept[: -ROUNDS_KEPT or None]


def main():
    seed, enough = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    rounds = Rounds(seed)
    while not enough.exists():
        begin = time.monotonic()
        rounds.run()
        took = time.monotonic() - begin
        print(json.dumps({"round": rounds.done, "seconds": round(took, 2)}), flush=True)
    for actor in rounds.actors:
        ray.kill(actor)
    rounds.kept.clear()
    print(json.dumps({"done": rounds.done}), flush=True)


try:
    main()
except BaseException as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"[:4000]}), flush=True)
    raise
