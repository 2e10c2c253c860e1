# SPDX-License-Identifier: Apache-2.0
"""What the runtime costs others: at rest, while it waits, with many workers, with two drivers.

Figures are CPU times or compare two sides of one run, so that other load on the machine changes
them little.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import echo
import mobula as ray
import processes
from many import Figure, Server, nothing

_DRIVER = pathlib.Path(__file__).with_name("driver.py")
_CPUS = os.cpu_count() or 1


# What a core of the machine of `bench/results` does in a millisecond.
_ADDITIONS_OF_A_MILLISECOND = 21_000


class Burnt(NamedTuple):
    pid: int
    seconds: float


@ray.remote
def burn(milliseconds: int) -> Burnt:
    """The same work on every machine; in which process, and how long a CPU took for it."""
    start, total = time.thread_time(), 0
    for i in range(milliseconds * _ADDITIONS_OF_A_MILLISECOND):
        total += i
    return Burnt(os.getpid(), time.thread_time() - start)


@ray.remote
def burn_until(file: str) -> None:
    """Wants a CPU until the file is there."""
    while not os.path.exists(file):
        pass


@contextlib.contextmanager
def cluster(num_cpus: int) -> Iterator[None]:
    """Warm: each CPU has had a worker."""
    ray.init(num_cpus=num_cpus)
    try:
        ray.get([burn.remote(50) for _ in range(2 * num_cpus)])
        yield
    finally:
        ray.shutdown()


def rest(seconds: float) -> Iterator[Figure]:
    """A cluster with two warm workers and two actors, of which nothing is wanted."""
    with cluster(2):
        servers = [Server.remote() for _ in range(2)]
        ray.get([server.pid.remote() for server in servers])
        time.sleep(1)
        everyone = processes.family()
        start, before = time.perf_counter(), processes.usage(everyone)
        time.sleep(seconds)
        passed = time.perf_counter() - start
        used = processes.usage(everyone).since(before)
        yield "processor at rest", "% of a core", 100 * used.seconds / passed
        yield "wake-ups at rest", "/s", used.turns / passed


def waiting(seconds: float) -> Iterator[Figure]:
    """The driver waits for tasks that need every core: what do it and the daemon take from them?"""
    with cluster(_CPUS):
        for milliseconds in (1, 20):
            count = max(_CPUS, int(seconds * _CPUS * 1000 / milliseconds))
            everyone = processes.family()
            before = {pid: processes.usage([pid]) for pid in everyone}
            done = ray.get([burn.remote(milliseconds) for _ in range(count)])
            used = {pid: processes.usage([pid]).since(before[pid]).seconds for pid in everyone}
            work = sum(task.seconds for task in done)
            workers = sum(used[pid] for pid in {task.pid for task in done})
            others = sum(used.values()) - workers
            size = f"tasks of {milliseconds} ms"
            yield f"taken by who waits, {size}", "% of the work", 100 * others / work
            yield f"on top in the workers, {size}", "% of the work", 100 * (workers - work) / work


def crowd(seconds: float) -> Iterator[Figure]:
    """One worker per core, and four: tasks in plenty, then one at a time beside busy workers."""
    costs: dict[int, float] = {}
    for per_core in (1, 4):
        who = f"{per_core} per core"
        with cluster(per_core * _CPUS):
            rate, costs[per_core] = _plenty(seconds)
            yield f"tasks in plenty, {who}", "/s", rate
            yield f"processor for each of them, {who}", "us", costs[per_core]
            with _hogs(per_core * _CPUS - 1), _echo() as call:
                own = _median_us(lambda: ray.get(nothing.remote()), seconds)
                bare = _median_us(call, seconds)
            yield f"one task, all other workers busy, {who}", "us", own
            yield f"bare echo there, {who}", "us", bare
    yield "processor for a task, 4 per core : 1 per core", "x", costs[4] / costs[1]


def _plenty(seconds: float) -> tuple[float, float]:
    """Tasks per second, and microseconds of all processes for each."""
    ray.get([nothing.remote() for _ in range(1_000)])
    everyone = processes.family()
    before, count, start = processes.usage(everyone), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        ray.get([nothing.remote() for _ in range(1_000)])
        count += 1_000
    passed = time.perf_counter() - start
    return count / passed, 1e6 * processes.usage(everyone).since(before).seconds / count


@contextlib.contextmanager
def _hogs(count: int) -> Iterator[None]:
    """Tasks that hold their CPU and burn it."""
    with tempfile.TemporaryDirectory() as folder:
        end = pathlib.Path(folder, "end")
        burning = [burn_until.remote(str(end)) for _ in range(count)]
        time.sleep(0.5)
        try:
            yield
        finally:
            end.touch()
            ray.get(burning)


@ray.remote(num_cpus=0)
def serve_echo(path: str) -> None:
    """In a worker: Linux shares processors out by session, and workers have one of their own."""
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(path)
        echo.serve(end)


@contextlib.contextmanager
def _echo() -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(pathlib.Path(folder, "socket"))
        listener.bind(path)
        listener.listen()
        served = serve_echo.remote(path)
        here, _ = listener.accept()
        with here:
            yield echo.caller(here)
        ray.get(served)


def _median_us(call: Callable[[], object], seconds: float) -> float:
    """Of the calls of this time."""
    taken = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        call()
        taken.append(time.perf_counter() - start)
    return 1e6 * statistics.median(taken)


def fairness(seconds: float) -> Iterator[Figure]:
    """Two drivers of one cluster always have tasks waiting; the second comes a second later."""
    for name, task_s in (("short", 0.0), ("long", 0.02)):
        with cluster(2):
            done = _race(task_s, seconds)
            yield f"tasks of the first driver, {name}", "/s", done[0] / seconds
            yield f"tasks of the second driver, {name}", "/s", done[1] / seconds
            share = 100 * (max(done) / max(1, min(done)) - 1)
            yield f"one driver ahead of the other, {name} tasks", "%", share


def _race(task_s: float, seconds: float) -> list[int]:
    """How many tasks of each were done within the same time."""
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, _DRIVER, address, str(task_s)]
    drivers = []
    for _ in range(2):
        drivers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        time.sleep(1)
    begin = time.time() + 1
    time.sleep(1 + seconds + 0.5)
    done = []
    for driver in drivers:
        driver.terminate()
        output, _ = driver.communicate()
        # Times and counts.
        points = [json.loads(line) for line in output.splitlines()]
        counts = [count for moment, count in points if begin <= moment <= begin + seconds]
        done.append(counts[-1] - counts[0])
    return done


class Row(NamedTuple):
    """What is measured: how many seconds each part takes, and what is done."""

    size: float
    run: Callable[[float], Iterator[Figure]]


ROWS = {
    "at rest": Row(5, rest),
    "a driver waits": Row(3, waiting),
    "four workers per core": Row(3, crowd),
    "two drivers": Row(5, fairness),
}
