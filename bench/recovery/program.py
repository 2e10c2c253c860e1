# SPDX-License-Identifier: Apache-2.0
"""The drivers of the recovery figures. Each says on its output what has happened, and when by the
clock that all processes of the machine share."""

from __future__ import annotations

import os
import sys
import threading
import time

import mobula as ray
import numpy as np

_LIMIT_S = 120


def tell(what: str, **facts: object) -> None:
    print(what, time.monotonic(), *(f"{name}={value}" for name, value in facts.items()), flush=True)


@ray.remote(max_retries=-1, resources={"worker": 1}, num_cpus=0)
def sleep_first(file: str) -> None:
    """The first attempt never ends."""
    if not os.path.exists(file):
        with open(file + ".new", "w") as output:
            output.write(str(os.getpid()))
        os.rename(file + ".new", file)
        time.sleep(_LIMIT_S)


@ray.remote(max_retries=-1, resources={"worker": 1}, num_cpus=0)
def make_array() -> np.ndarray:
    """80 MB, on a host that is to die."""
    return np.ones(10 << 20)


@ray.remote(max_restarts=-1, max_task_retries=-1, resources={"worker": 1}, num_cpus=0)
class Echo:
    """An actor on another host."""

    def pid(self) -> int:
        return os.getpid()

    def address(self) -> str:
        return ray.util.get_node_ip_address()


@ray.remote(resources={"here": 1}, num_cpus=0)
class Late:
    """An actor that is made while something is broken; the GCS must log it."""

    def ready(self) -> bool:
        return True


def task(file: str) -> None:
    """The worker of a running task dies."""
    done = sleep_first.remote(file)
    while not os.path.exists(file):
        time.sleep(0.001)
    with open(file) as input:
        tell("ready", pid=input.read())
    ray.get(done, timeout=_LIMIT_S)
    tell("recovered")


def actor(_: str) -> None:
    """The process of an actor dies."""
    echo = Echo.remote()
    pid = ray.get(echo.pid.remote())
    tell("ready", pid=pid)
    while ray.get(echo.pid.remote(), timeout=_LIMIT_S) == pid:
        pass
    tell("recovered")


def watch_nodes(count: int) -> None:
    """Tells when a node is dead."""
    while sum(node["Alive"] for node in ray.nodes()) == count:
        time.sleep(0.005)
    tell("noticed")


def host(_: str) -> None:
    """The only copy of an object, and the process of an actor, go with their host."""
    echo = Echo.remote()
    address = ray.get(echo.address.remote())
    on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    (node,) = (one["NodeID"] for one in ray.nodes() if one["NodeManagerAddress"] == address)
    lost = make_array.options(scheduling_strategy=on(node, soft=True)).remote()
    ray.wait([lost], fetch_local=False)
    # So that the other host has a worker, and only the recovery is measured.
    ray.get(make_array.remote())
    tell("ready", address=address)
    watcher = threading.Thread(target=watch_nodes, args=(len(ray.nodes()),))
    watcher.start()
    ray.get(lost, timeout=_LIMIT_S)
    tell("recovered")
    ray.get(echo.address.remote(), timeout=_LIMIT_S)
    tell("actor")
    watcher.join()


def calls(_: str) -> None:
    """An actor on another host is called again and again while something happens on the way."""
    echo = Echo.remote()
    tell("ready", address=ray.get(echo.address.remote()))
    begin = before = time.monotonic()
    longest = 0.0
    while time.monotonic() < begin + 6:
        ray.get(echo.pid.remote(), timeout=_LIMIT_S)
        now = time.monotonic()
        if now - before > max(longest, 0.1):
            longest = now - before
            tell("answered", after=longest)
        before = now
    tell("end", longest=longest)


def control(_: str) -> None:
    """The GCS, or what it keeps its log in, is away: calls go on, and what needs it waits."""
    echo = Echo.remote()
    ray.get(echo.pid.remote())
    tell("ready")
    # Whoever broke it says so.
    sys.stdin.readline()
    made = threading.Event()

    def make() -> None:
        late = Late.remote()
        ray.get(late.ready.remote(), timeout=_LIMIT_S)
        tell("recovered")
        made.set()

    threading.Thread(target=make).start()
    longest, before = 0.0, time.monotonic()
    while not made.is_set():
        ray.get(echo.pid.remote(), timeout=_LIMIT_S)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        time.sleep(0.001)
    tell("end", longest=longest)


if __name__ == "__main__":
    ray.init(address="auto", log_to_driver=False)
    {"task": task, "actor": actor, "host": host, "calls": calls, "control": control}[sys.argv[1]](
        sys.argv[2]
    )
