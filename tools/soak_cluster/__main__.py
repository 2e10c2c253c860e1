# SPDX-License-Identifier: Apache-2.0
"""The soak of a cluster: hosts, a program on them, faults, and a verdict."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time

import namespaced_hosts
from mobula.faults import Plan
from soak_cluster import plan as plans
from soak_cluster import watch

_PROGRAM = pathlib.Path(__file__).with_name("program.py")
# Of a node that comes back while the head is away.
_JOIN_PATIENCE_S = 60.0
# From the last fault to the end of the round that it interrupted.
_END_PATIENCE_S = 240.0
_STORE = f"--object-store-memory={300 << 20}"


def main() -> int:
    """0 when nothing was found."""
    options = _options()
    if reason := namespaced_hosts.unavailable():
        sys.exit(f"soak-cluster: {reason}")
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="mobula-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    seconds = options.minutes * 60
    plan = Plan.load(options.plan) if options.plan else plans.draw(options.seed, seconds)
    plan.dump(folder / "plan.textproto")
    _tell(f"seed {options.seed}, {len(plan)} faults, everything in {folder}")
    with namespaced_hosts.Hosts(5, folder) as hosts:
        findings = Soak(hosts, folder, options.seed).run(plan, seconds)
    for finding in findings:
        _tell(f"FOUND: {finding}")
    if findings:
        _tell(f"{len(findings)} findings; logs and plan in {folder}")
        return 1
    _tell("every result was right, nothing waits, nothing is left")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/soak-cluster", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--plan", help="a plan file, instead of one drawn from the seed")
    parser.add_argument("--keep", help="a folder for logs, which stay there")
    options = parser.parse_args()
    if options.minutes < 1:
        parser.error("expected at least one minute: shorter runs have no room for faults")
    return options


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class Soak:
    """One run."""

    def __init__(self, hosts, folder, seed):
        self._hosts = hosts
        self._head, self._driver_host = hosts[:2]
        self._storage = folder / "gcs-log"
        self._enough = folder / "enough"
        self._seed = seed
        self._token = ""
        self._findings: list[str] = []
        # Seconds of each.
        self._rounds: list[float] = []
        self._done = False

    def run(self, plan, seconds) -> list[str]:
        """Returns what was found."""
        self._start_head()
        self._token = self._head.token()
        for host in self._hosts[1:]:
            self._join(host)
        files = {
            f"n{number}": len(os.listdir(f"/proc/{host.record()['pid']}/fd"))
            for number, host in enumerate(self._hosts, 1)
        }
        watching = watch.Watch(self._hosts)
        breaker = plans.Breaker(self._hosts, self._start_head, self._join, self._seed, _tell)
        driver = self._driver_host.start(
            sys.executable, str(_PROGRAM), str(self._seed), str(self._enough)
        )
        failed = threading.Event()
        readers = [
            threading.Thread(target=self._read, args=(driver.stdout, failed)),
            threading.Thread(target=self._keep, args=(driver.stderr,)),
        ]
        for reader in readers:
            reader.start()
        begin = time.monotonic()
        breaker.run(plan, failed)
        failed.wait(max(0.0, begin + seconds - time.monotonic()))
        self._findings += breaker.settle()
        self._enough.touch()
        for reader in readers:
            reader.join(_END_PATIENCE_S)
        if not self._done:
            self._findings.append("the program did not come to its end")
            self._look_around()
        namespaced_hosts.kill_tree(driver.pid)
        driver.wait()
        if self._done:
            self._findings += watch.leftovers(self._hosts, files)
        watching.stop()
        self._findings += watching.findings()
        usual, longest = statistics.median(self._rounds or [0]), max(self._rounds or [0])
        _tell(f"{len(self._rounds)} rounds of {usual:.1f} s, the longest {longest:.1f} s")
        print(watching.table())
        self._stop()
        return self._findings

    def _start_head(self) -> None:
        variables = {"MOBULA_TOKEN": self._token} if self._token else {}
        self._head.start_head(f"--storage={self._storage}", _STORE, **variables)

    def _join(self, host) -> None:
        """The node of a host; while the head is away it tries again."""
        deadline = time.monotonic() + _JOIN_PATIENCE_S
        while True:
            done = host.try_mobula(
                *("start", f"--address={self._head.address}:6379"),
                *(*namespaced_hosts.SMALL, _STORE),
                MOBULA_TOKEN=self._token,
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{host.name} cannot join: {done.stderr.strip()}")
            time.sleep(0.5)

    def _read(self, output, failed) -> None:
        for line in output:
            if not line.startswith("{"):
                continue
            told = json.loads(line)
            if "round" in told:
                self._rounds.append(told["seconds"])
                _tell(f"          round {told['round']} took {told['seconds']} s")
            elif "done" in told:
                self._done = True
            else:
                self._findings.append(f"the program failed: {told['error']}")
                self._look_around()
                failed.set()
        if not self._done:
            failed.set()

    def _keep(self, output) -> None:
        with open(self._enough.with_name("driver.err"), "w") as file:
            for line in output:
                file.write(line)

    def _look_around(self) -> None:
        """What the cluster says of itself, for whoever reads the findings."""
        file = self._enough.with_name("state.txt")
        with open(file, "a") as output:
            for command in (
                ("status",),
                *(
                    ("list", what, "--json")
                    for what in ("nodes", "tasks", "actors", "workers", "objects")
                ),
            ):
                done = self._head.try_mobula(*command)
                output.write(f"== mobula {' '.join(command)}\n{done.stdout}{done.stderr}\n")
        _tell(f"the cluster's state is in {file}")

    def _stop(self) -> None:
        for host in [*self._hosts[1:], self._head]:
            host.mobula("stop")
        self._findings += watch.after_stop(self._hosts)


if __name__ == "__main__":
    sys.exit(main())
