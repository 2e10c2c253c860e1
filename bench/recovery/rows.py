# SPDX-License-Identifier: Apache-2.0
"""What is broken, and what is timed: each row makes a cluster of hosts, breaks something, and
returns seconds by what they are of."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

from mobula import _fault_processes
from namespaced_hosts import Host, Hosts, wait_until

_PROGRAM = str(pathlib.Path(__file__).with_name("program.py"))
_WORKER = '--resources={"worker": 4}'
_HERE = '--resources={"here": 4}'
_LIMIT_S = 150
_PASSWORD = {"MOBULA_REDIS_PASSWORD": "secret"}

Seconds = dict[str, float]


class Driver:
    """A running driver; what it has told, with the times."""

    def __init__(self, host: Host, part: str, folder: pathlib.Path) -> None:
        self._process = host.start(
            sys.executable, _PROGRAM, part, str(folder / "file"), stdin=subprocess.PIPE
        )
        self._killer = threading.Timer(_LIMIT_S, self._process.kill)
        self._killer.start()

    def go_on(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def hear(self, *wanted: str) -> tuple[str, float, dict[str, str]]:
        """The next of these words, when it was said, and its facts."""
        for line in self._process.stdout:
            what, at, *facts = line.split()
            if what in wanted:
                return what, float(at), dict(fact.split("=") for fact in facts)
        raise RuntimeError(f"the driver ended without {wanted}: {self._process.stderr.read()}")

    def end(self) -> None:
        self._killer.cancel()
        _fault_processes.kill_tree(self._process.pid)
        self._process.communicate()


@contextlib.contextmanager
def cluster(
    folder: pathlib.Path, part: str, *, workers: int = 1, storage: str = "", spare: bool = False
) -> Iterator[tuple[list[Host], Driver]]:
    """The head, the driver's host, hosts with workers, and perhaps one that runs nothing."""
    with Hosts(2 + workers + spare, folder) as hosts:
        head, client = hosts[:2]
        head.start_head(*([f"--storage={storage}"] if storage else []))
        client.join(head, _HERE)
        for host in hosts[2 : 2 + workers]:
            host.join(head, _WORKER)
        driver = Driver(client, part, folder)
        try:
            yield hosts, driver
        finally:
            driver.end()


def _kill_worker(folder: pathlib.Path, part: str) -> Seconds:
    with cluster(folder, part) as (_, driver):
        _, _, facts = driver.hear("ready")
        begin = time.monotonic()
        os.kill(int(facts["pid"]), signal.SIGKILL)
        _, end, _ = driver.hear("recovered")
        return {"result": end - begin}


def worker_of_a_task(folder: pathlib.Path) -> Seconds:
    return _kill_worker(folder, "task")


def worker_of_an_actor(folder: pathlib.Path) -> Seconds:
    return _kill_worker(folder, "actor")


def _lose_host(folder: pathlib.Path, lose: Callable[[Host], None]) -> Seconds:
    with cluster(folder, "host", workers=2) as (hosts, driver):
        _, _, facts = driver.hear("ready")
        (lost,) = (host for host in hosts if host.address == facts["address"])
        begin = time.monotonic()
        lose(lost)
        found: Seconds = {}
        names = {"noticed": "noticed", "recovered": "object", "actor": "actor"}
        while len(found) < len(names):
            what, at, _ = driver.hear(*names)
            found[names[what]] = at - begin
        return found


def daemon_of_a_host(folder: pathlib.Path) -> Seconds:
    """Its kernel tells the others."""
    return _lose_host(folder, lambda host: host.kill())


def host_without_a_word(folder: pathlib.Path) -> Seconds:
    """As with its power: nobody tells."""

    def lose(host: Host) -> None:
        host.cut()
        host.kill()

    return _lose_host(folder, lose)


def cable(folder: pathlib.Path) -> Seconds:
    """It stays out; the host lives."""
    return _lose_host(folder, lambda host: host.cut())


def host_that_stands_still(folder: pathlib.Path) -> Seconds:
    """It does not go on."""
    return _lose_host(folder, lambda host: _stop(host))


def _stop(host: Host) -> None:
    _fault_processes.send(_pids(host), signal.SIGSTOP)


def _pids(host: Host) -> list[int]:
    done = subprocess.run(["ip", "netns", "pids", host.name], capture_output=True, text=True)
    return [int(pid) for pid in done.stdout.split()]


def cable_that_comes_back(folder: pathlib.Path) -> Seconds:
    """Out for five seconds: the host was declared dead, and comes back as a new node."""
    with cluster(folder, "host", workers=2) as (hosts, driver):
        _, _, facts = driver.hear("ready")
        (lost,) = (host for host in hosts if host.address == facts["address"])
        before = lost.record()["node_id"]
        lost.cut()
        time.sleep(5)
        begin = time.monotonic()
        lost.heal()
        wait_until(lambda: lost.record()["node_id"] != before, timeout=60)
        return {"member again": time.monotonic() - begin}


def _flap(folder: pathlib.Path, flaps: list[tuple[float, float]]) -> Seconds:
    """The longest wait for an answer, and what of it the outage does not explain."""
    with cluster(folder, "calls") as (hosts, driver):
        driver.hear("ready")
        time.sleep(0.5)
        for out, back in flaps:
            hosts[2].cut()
            time.sleep(out)
            hosts[2].heal()
            time.sleep(back)
        _, _, facts = driver.hear("end")
        longest = float(facts["longest"])
        return {"longest wait": longest, "beyond the outage": longest - max(o for o, _ in flaps)}


def link_that_flaps_once(folder: pathlib.Path) -> Seconds:
    return _flap(folder, [(0.5, 0)])


def link_that_flaps_again_and_again(folder: pathlib.Path) -> Seconds:
    return _flap(folder, [(0.3, 0.3)] * 5)


def host_that_stands_still_for_a_second(folder: pathlib.Path) -> Seconds:
    with cluster(folder, "calls") as (hosts, driver):
        driver.hear("ready")
        time.sleep(0.5)
        pids = _pids(hosts[2])
        _fault_processes.send(pids, signal.SIGSTOP)
        time.sleep(1.0)
        _fault_processes.send(pids, signal.SIGCONT)
        _, _, facts = driver.hear("end")
        longest = float(facts["longest"])
        return {"longest wait": longest, "beyond the pause": longest - 1.0}


def _control(driver: Driver, broken: float, mended: float) -> Seconds:
    found: Seconds = {}
    while "calls meanwhile, longest" not in found:
        what, at, facts = driver.hear("recovered", "end")
        if what == "recovered":
            found["new actor, from the loss"] = at - broken
            found["new actor, from the restart"] = at - mended
        else:
            found["calls meanwhile, longest"] = float(facts["longest"])
    return found


def gcs_on_the_same_host(folder: pathlib.Path) -> Seconds:
    """The head's daemon is killed, and started again with its log after a second."""
    storage = folder / "log"
    with cluster(folder, "control", storage=str(storage)) as (hosts, driver):
        driver.hear("ready")
        token = hosts[0].token()
        broken = time.monotonic()
        hosts[0].kill()
        driver.go_on()
        time.sleep(1)
        mended = time.monotonic()
        hosts[0].start_head(f"--storage={storage}", MOBULA_TOKEN=token)
        return _control(driver, broken, mended)


@contextlib.contextmanager
def _redis(folder: pathlib.Path, host: Host) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a server that syncs each write; the function starts it again."""
    program = folder / "redis-server"
    program.symlink_to("/usr/bin/redis-check-rdb")
    data = folder / "redis"
    data.mkdir()
    servers = []

    def start() -> subprocess.Popen[str]:
        servers.append(
            host.start(
                *(str(program), "--bind", host.address, "--port", "7777", "--dir", str(data)),
                *("--requirepass", "secret", "--save", "", "--appendonly", "yes"),
                *("--appendfsync", "always"),
            )
        )
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            _fault_processes.kill_tree(server.pid)
            server.communicate()


def _answers(host: Host) -> bool:
    return "PONG" in _redis_cli(host, "ping")


def _redis_cli(host: Host, *words: str) -> str:
    command = ("redis-cli", "-h", host.address, "-p", "7777", "-a", "secret", "--no-auth-warning")
    return host.run(*command, *words).stdout


@contextlib.contextmanager
def _on_redis(folder: pathlib.Path) -> Iterator[tuple[list[Host], Driver, Callable[[], object]]]:
    """As `cluster`, with one host more, whose Redis has the log; and what starts that again."""
    with Hosts(4, folder) as hosts, _redis(folder, hosts[3]) as start:
        head, client, worker, place = hosts
        start()
        wait_until(lambda: _answers(place))
        head.start_head(f"--storage=redis://{place.address}:7777", **_PASSWORD)
        client.join(head, _HERE)
        worker.join(head, _WORKER)
        driver = Driver(client, "control", folder)
        try:
            driver.hear("ready")
            yield hosts, driver, start
        finally:
            driver.end()


def head_on_another_host(folder: pathlib.Path) -> Seconds:
    """The head's host is gone; a second later another takes its address and the log in Redis."""
    with _on_redis(folder) as (hosts, driver, _):
        head, client, worker, place = hosts
        token = head.token()
        broken = time.monotonic()
        head.remove()
        driver.go_on()
        time.sleep(1)
        mended = time.monotonic()
        place.take_address(head, [client, worker])
        successor = Host(place.name, None, None, head.address, place.folder)
        storage = f"--storage=redis://{place.address}:7777"
        successor.start_head(storage, MOBULA_TOKEN=token, **_PASSWORD)
        return _control(driver, broken, mended)


def redis_restart(folder: pathlib.Path) -> Seconds:
    """It is killed, and started again after a second."""
    with _on_redis(folder) as (hosts, driver, start):
        broken = time.monotonic()
        for pid in _pids(hosts[3]):
            os.kill(pid, signal.SIGKILL)
        driver.go_on()
        time.sleep(1)
        mended = time.monotonic()
        start()
        return _control(driver, broken, mended)


def redis_connection(folder: pathlib.Path) -> Seconds:
    """The server drops the connection of the GCS."""
    with _on_redis(folder) as (hosts, driver, _):
        broken = time.monotonic()
        _redis_cli(hosts[3], "client", "kill", "type", "normal")
        driver.go_on()
        return _control(driver, broken, broken)


ROWS: dict[str, Callable[[pathlib.Path], Seconds]] = {
    "worker of a running task killed": worker_of_a_task,
    "worker of an actor killed": worker_of_an_actor,
    "daemon of a host killed": daemon_of_a_host,
    "host lost without a word": host_without_a_word,
    "link of a host lost": cable,
    "link back after 5 s": cable_that_comes_back,
    "link away for 0.5 s": link_that_flaps_once,
    "link flaps: 5 times 0.3 s": link_that_flaps_again_and_again,
    "host stands still for good": host_that_stands_still,
    "host stands still for 1 s": host_that_stands_still_for_a_second,
    "GCS killed, restarted there after 1 s": gcs_on_the_same_host,
    "head's host lost, restarted elsewhere after 1 s": head_on_another_host,
    "Redis killed, restarted after 1 s": redis_restart,
    "Redis drops the connection": redis_connection,
}
