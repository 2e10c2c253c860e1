# SPDX-License-Identifier: Apache-2.0
"""Nested tasks, dependencies, errors and large values."""

import numpy as np
import ray

ray.init()


@ray.remote
def square(x):
    return x * x


@ray.remote
def total(*values):
    return sum(values)


@ray.remote
def sum_of_squares(n):
    return ray.get(total.remote(*[square.remote(i) for i in range(n)]))


@ray.remote(num_returns=2)
def halves(array):
    middle = len(array) // 2
    return array[:middle], array[middle:]


@ray.remote(max_retries=0)
def fail():
    raise KeyError("no such thing")


assert ray.get([sum_of_squares.remote(n) for n in (1, 5, 10)]) == [0, 30, 285]

array = np.arange(1_000_000, dtype=np.float64)
first, second = halves.remote(ray.put(array))
assert ray.get(total.remote(3, 4)) == 7
np.testing.assert_array_equal(np.concatenate(ray.get([first, second])), array)
assert not ray.get(first).flags.writeable

try:
    ray.get(fail.remote())
except KeyError as error:
    assert "no such thing" in str(error)
else:
    raise AssertionError("the error was lost")

try:
    square(3)
except TypeError as error:
    assert "square.remote" in str(error)
print("OK")
