# SPDX-License-Identifier: Apache-2.0
"""Measures the runtime on processes of this machine, with the rows of `ray microbenchmark`.

    .venv/bin/python bench/micro.py                 everything, about five minutes
    .venv/bin/python bench/micro.py 'tasks|start'   the rows whose names match
    .venv/bin/python bench/micro.py --quick         rounds of 0.5 s: for a look, not for figures

Beside each figure stands what Ray 2.60 reached on a machine of this kind; see README.md for what
the comparison is worth.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator

import micro_startup
import mobula as ray
import numpy as np

BATCH = 1_000
CLIENTS = 4
SERVERS = max(1, (os.cpu_count() or 1) // 2)

# Operations per second of Ray 2.60.0 on two cores.
RAY = {
    "single client get calls": 11077,
    "single client put calls": 1965,
    "multi client put calls": 1397,
    "single client put gigabytes": 1.6,
    "multi client put gigabytes": 6.22,
    "single client tasks and get batch": 1.58,
    "single client get object containing 10k refs": 13.8,
    "single client wait 1k refs": 1.63,
    "single client tasks sync": 578,
    "single client tasks async": 1557,
    "multi client tasks async": 1579,
    "1:1 actor calls sync": 1155,
    "1:1 actor calls async": 4516,
    "1:1 actor calls concurrent": 4942,
    "1:n actor calls async": 4363,
    "n:n actor calls async": 4995,
    "n:n actor calls with arg async": 1628,
    "1:1 async-actor calls sync": 891,
    "1:1 async-actor calls async": 2626,
    "1:1 async-actor calls with args async": 2160,
    "1:n async-actor calls async": 2289,
    "n:n async-actor calls async": 2573,
}


@ray.remote
def nothing() -> bytes:
    """The smallest task."""
    return b"ok"


@ray.remote
def put_small(count: int) -> None:
    """One client of the rows that put from several."""
    for _ in range(count):
        ray.put(0)


@ray.remote
def put_large(count: int) -> None:
    """As put_small, 80 MB each."""
    for _ in range(count):
        ray.put(np.zeros(10 << 20, dtype=np.int64))


@ray.remote
def references(count: int) -> list[ray.ObjectRef]:
    """An object full of references."""
    return [ray.put(1) for _ in range(count)]


@ray.remote
class Server:
    """Answers."""

    def answer(self, value: object = None) -> bytes:
        """The smallest method."""
        return b"ok"


@ray.remote
class AsyncServer:
    """Answers, as an asyncio actor."""

    async def answer(self, value: object = None) -> bytes:
        """The smallest method."""
        return b"ok"


@ray.remote(num_cpus=0)
class Client:
    """Calls from a process of its own."""

    def __init__(self, servers: list[ray.ObjectRef]) -> None:
        """The actors to call."""
        self._servers = servers

    def tasks(self, count: int) -> None:
        """Runs tasks."""
        ray.get([nothing.remote() for _ in range(count)])

    def calls(self, count: int) -> None:
        """Calls each server so often."""
        ray.get([server.answer.remote() for server in self._servers for _ in range(count)])

    def calls_with_argument(self, count: int) -> None:
        """As `calls`, with a reference as argument."""
        value = ray.put(0)
        ray.get([server.answer.remote(value) for server in self._servers for _ in range(count)])


# A row: its name, what one call of it counts for, and the call.
Row = tuple[str, float, Callable[[], object]]


def object_rows() -> Iterator[Row]:
    """Put, get and wait."""
    small = ray.put(0)
    yield "single client get calls", 1, lambda: ray.get(small)
    yield "single client put calls", 1, lambda: ray.put(0)
    yield (
        "multi client put calls",
        10 * 100,
        lambda: ray.get([put_small.remote(100) for _ in range(10)]),
    )
    array = np.zeros(100 << 20, dtype=np.int64)
    yield "single client put gigabytes", 0.8, lambda: ray.put(array)
    yield (
        "multi client put gigabytes",
        10 * 0.8,
        lambda: ray.get([put_large.remote(10) for _ in range(10)]),
    )
    full = references.remote(10_000)
    ray.wait([full])
    yield "single client get object containing 10k refs", 1, lambda: ray.get(full)
    yield "single client wait 1k refs", 1, _wait_one_by_one


def _wait_one_by_one() -> None:
    waiting = [nothing.remote() for _ in range(BATCH)]
    while waiting:
        _, waiting = ray.wait(waiting)


def task_rows() -> Iterator[Row]:
    """Tasks without arguments."""
    yield (
        "single client tasks and get batch",
        1,
        lambda: ray.get([nothing.remote() for _ in range(BATCH)]),
    )
    yield "single client tasks sync", 1, lambda: ray.get(nothing.remote())
    yield (
        "single client tasks async",
        BATCH,
        lambda: ray.get([nothing.remote() for _ in range(BATCH)]),
    )
    clients = [Client.remote([]) for _ in range(CLIENTS)]
    yield (
        "multi client tasks async",
        CLIENTS * 10_000,
        lambda: ray.get([client.tasks.remote(10_000) for client in clients]),
    )


def actor_rows() -> Iterator[Row]:
    """Calls of actors."""
    server = Server.remote()
    yield "1:1 actor calls sync", 1, lambda: ray.get(server.answer.remote())
    yield "1:1 actor calls async", BATCH, lambda: _call(server)
    concurrent = Server.options(max_concurrency=16).remote()
    yield "1:1 actor calls concurrent", BATCH, lambda: _call(concurrent)
    yield from _several("{} actor calls async", Server)
    servers = [Server.remote() for _ in range(SERVERS)]
    clients = [Client.remote([server]) for server in servers]
    yield (
        "n:n actor calls with arg async",
        BATCH * len(clients),
        lambda: ray.get([client.calls_with_argument.remote(BATCH) for client in clients]),
    )


def async_actor_rows() -> Iterator[Row]:
    """Calls of asyncio actors."""
    server = AsyncServer.remote()
    yield "1:1 async-actor calls sync", 1, lambda: ray.get(server.answer.remote())
    yield "1:1 async-actor calls async", BATCH, lambda: _call(server)
    yield (
        "1:1 async-actor calls with args async",
        BATCH,
        lambda: ray.get([server.answer.remote(i) for i in range(BATCH)]),
    )
    yield from _several("{} async-actor calls async", AsyncServer)


def _call(server: ray.ObjectRef) -> None:
    ray.get([server.answer.remote() for _ in range(BATCH)])


def _several(name: str, kind: type) -> Iterator[Row]:
    servers = [kind.remote() for _ in range(SERVERS)]
    client = Client.remote(servers)
    yield (
        name.format("1:n"),
        5_000 * SERVERS,
        lambda: ray.get(client.calls.remote(5_000)),
    )
    clients = [Client.remote(servers) for _ in range(CLIENTS)]
    yield (
        name.format("n:n"),
        CLIENTS * 5_000 * SERVERS,
        lambda: ray.get([one.calls.remote(5_000) for one in clients]),
    )


def measure(call: Callable[[], object], seconds: float, rounds: int) -> list[float]:
    """Calls per second in each round, after half a round to warm up."""
    _calls_per_second(call, seconds / 2)
    return [_calls_per_second(call, seconds) for _ in range(rounds)]


def _calls_per_second(call: Callable[[], object], seconds: float) -> float:
    # Short calls are timed in bundles, so that the clock costs nothing.
    bundle, count, start = 1, 0, time.perf_counter()
    while True:
        for _ in range(bundle):
            call()
        count += bundle
        passed = time.perf_counter() - start
        if passed >= seconds:
            return count / passed
        if passed < seconds / 20:
            bundle *= 2


def run(pattern: str, seconds: float, rounds: int) -> None:
    """Prints one line for each row."""
    print(f"{'row':46} {'per second':>12} {'+-':>7} {'Ray 2.60':>10} {'ratio':>7}", flush=True)
    ray.init(num_cpus=max(CLIENTS, os.cpu_count() or 1))
    for rows in (object_rows, task_rows, actor_rows, async_actor_rows):
        for name, factor, call in rows():
            if not re.search(pattern, name):
                continue
            rates = [rate * factor for rate in measure(call, seconds, rounds)]
            mean, spread = statistics.mean(rates), statistics.pstdev(rates)
            print(
                f"{name:46} {mean:12,.4g} {spread / mean:7.0%} {RAY[name]:10,} "
                f"{mean / RAY[name]:6.1f}x",
                flush=True,
            )
    ray.shutdown()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="", help="of the names of the rows")
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, load before: {os.getloadavg()[0]:.1f}")
    seconds, rounds = (0.5, 2) if options.quick else (2.0, 4)
    run(options.pattern, seconds, rounds)
    if re.search(options.pattern, "start-up and memory"):
        micro_startup.report(rounds)


if __name__ == "__main__":
    main()
