# SPDX-License-Identifier: Apache-2.0
"""The rows of `ray microbenchmark`, on whatever `import ray` gives."""
# mypy: allow-untyped-decorators, disable-error-code="attr-defined"

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import numpy as np
import ray
from ray.util import placement_group, remove_placement_group

BATCH = 1_000
CLIENTS = 4
GROUPS = 100
SERVERS = max(1, (os.cpu_count() or 1) // 2)


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


# How often the call can be made in a second, in each of some rounds of so many seconds.
Measure = Callable[[Callable[[], object], float, int], list[float]]
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


def group_rows() -> Iterator[Row]:
    """Placement groups that come and go."""
    yield "placement group create/removal", GROUPS, _make_and_remove_groups


def _make_and_remove_groups() -> None:
    groups = [placement_group([{"custom": 0.001}]) for _ in range(GROUPS)]
    for group in groups:
        group.wait(30)
    for group in groups:
        remove_placement_group(group)


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


def rates(
    measure: Measure, pattern: str, seconds: float, rounds: int
) -> Iterator[tuple[str, list[float]]]:
    """Runs the rows that match in a cluster of their own; yields what each round of one reached."""
    ray.init(num_cpus=max(CLIENTS, os.cpu_count() or 1), resources={"custom": 100})
    for rows in (object_rows, task_rows, actor_rows, async_actor_rows, group_rows):
        for name, factor, call in rows():
            if re.search(pattern, name):
                yield name, [rate * factor for rate in measure(call, seconds, rounds)]
    ray.shutdown()
