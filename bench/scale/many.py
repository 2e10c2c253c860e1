# SPDX-License-Identifier: Apache-2.0
"""Very many of one thing on one node: tasks, arguments, returns, objects, actors.

The sizes and what is done are those of the limits that Ray publishes for a single node.
"""

from __future__ import annotations

import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import mobula as ray
import processes

# A figure: what it is of, its unit, itself. The times come first.
Figure = tuple[str, str, float]
_VALUES = 10_000


@ray.remote
def nothing() -> bytes:
    """The smallest task."""
    return b"ok"


@ray.remote
def hold(file: str) -> None:
    """Keeps a CPU until the file is there."""
    while not os.path.exists(file):
        time.sleep(0.01)


@ray.remote
def count_all(*values: list[int]) -> int:
    """Looks at all arguments."""
    return sum(len(value) for value in values)


@ray.remote(num_cpus=0)
class Server:
    """Does nothing."""

    def pid(self) -> int:
        """Of its process."""
        return os.getpid()


def tasks(size: int) -> Iterator[Figure]:
    """All tasks wait for a CPU at once; then they run, and each result is fetched."""
    cpus = int(ray.cluster_resources()["CPU"])
    with tempfile.TemporaryDirectory() as folder:
        go = pathlib.Path(folder, "go")
        holding = [hold.remote(str(go)) for _ in range(cpus)]
        before = processes.memory(os.getpid())["Pss"]
        start = time.perf_counter()
        waiting = [nothing.remote() for _ in range(size)]
        queued = time.perf_counter()
        yield "queued within", "s", queued - start
        # Of the runtime, the Python object of its result included.
        held = processes.memory(os.getpid())["Pss"] - before
        yield "memory of the driver per task", "bytes", held * 1e6 / size
        go.touch()
        ray.get(waiting)
        yield "time", "s", time.perf_counter() - start
        ray.get(holding)


def arguments(size: int) -> Iterator[Figure]:
    """One task takes so many objects."""
    start = time.perf_counter()
    references = [ray.put([1] * _VALUES) for _ in range(size)]
    yield "put within", "s", time.perf_counter() - start
    assert ray.get(count_all.remote(*references)) == size * _VALUES
    yield "time", "s", time.perf_counter() - start


def argument_values(size: int) -> Iterator[Figure]:
    """As `arguments`, but the values are passed, as Ray's script does it."""
    start = time.perf_counter()
    values = [[1] * _VALUES for _ in range(size)]
    assert ray.get(count_all.remote(*values)) == size * _VALUES
    yield "time", "s", time.perf_counter() - start


def returns(size: int) -> Iterator[Figure]:
    """One task returns so many objects; they are fetched one by one."""

    @ray.remote(num_returns=size)
    def make() -> tuple[list[int], ...]:
        return tuple(list(range(_VALUES)) for _ in range(size))

    expected = list(range(_VALUES))
    start = time.perf_counter()
    for reference in make.remote():
        assert ray.get(reference) == expected
    yield "time", "s", time.perf_counter() - start


def objects(size: int) -> Iterator[Figure]:
    """One `get` of so many objects."""
    start = time.perf_counter()
    references = [ray.put(list(range(_VALUES))) for _ in range(size)]
    yield "put within", "s", time.perf_counter() - start
    values = ray.get(references)
    yield "time", "s", time.perf_counter() - start
    expected = list(range(_VALUES))
    assert all(value == expected for value in values)


def actors(size: int) -> Iterator[Figure]:
    """So many actors are alive at once; each has answered."""
    start = time.perf_counter()
    servers = [Server.remote() for _ in range(size)]
    pids = ray.get([server.pid.remote() for server in servers])
    assert len(set(pids)) == size
    yield "time", "s", time.perf_counter() - start
    start = time.perf_counter()
    ray.get([server.pid.remote() for server in servers])
    yield "call of each within", "s", time.perf_counter() - start
    private = [processes.private(pid) for pid in pids]
    yield "private memory of an actor, median", "MB", statistics.median(private)
    yield "private memory of an actor, most", "MB", max(private)
    yield "memory of all (PSS)", "MB", processes.proportional(processes.family())


class Row(NamedTuple):
    """What is measured: how many, what Ray publishes for it in seconds, and what is done."""

    size: int
    ray_s: str
    run: Callable[[int], Iterator[Figure]]


ROWS = {
    "tasks queued at once": Row(1_000_000, "168-184", tasks),
    "object arguments of one task": Row(10_000, "17.2", arguments),
    "value arguments of one task": Row(10_000, "17.2", argument_values),
    "returns of one task": Row(3_000, "5.7", returns),
    "objects in one get": Row(10_000, "23.5", objects),
    "actors alive": Row(2_000, "", actors),
}
