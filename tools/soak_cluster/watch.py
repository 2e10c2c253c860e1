# SPDX-License-Identifier: Apache-2.0
"""What the daemons of the soak's hosts use while it runs, and what is left when it is over."""

import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import threading
import time

from soak_cluster.plan import pids_of

_PERIOD_S = 2.0
# A daemon's own memory may be larger at the end than it was at most in its first half by so much.
_GROWTH_BYTES = 8 << 20
_GROWTH_SHARE = 0.1
# Shorter lives say nothing: buffers have not found their size by then.
_LIFE_S = 180.0
_FILES_MORE = 24
# After the program's end, until what it used is given back.
_CLEAN_S = 30.0


@dataclasses.dataclass
class Sample:
    at: float
    memory: int
    files: int


class Watch:
    """Looks at the daemon of each host every two seconds."""

    def __init__(self, hosts):
        self._hosts = hosts
        self._stop = threading.Event()
        # By host and process id.
        self.samples: dict[tuple[str, int], list[Sample]] = {}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_PERIOD_S):
            for number, host in enumerate(self._hosts, 1):
                # It may be dead, or just coming up.
                with contextlib.suppress(OSError, ValueError, KeyError):
                    pid = host.record()["pid"]
                    sample = Sample(time.monotonic(), _memory(pid), _files(pid))
                    self.samples.setdefault((f"n{number}", pid), []).append(sample)

    def findings(self) -> list[str]:
        """Daemons whose memory or files grew."""
        found = []
        for (name, pid), samples in self.samples.items():
            life = samples[-1].at - samples[0].at
            if life < _LIFE_S:
                continue
            early, late = _early_and_late(samples)
            if late > early * (1 + _GROWTH_SHARE) + _GROWTH_BYTES:
                found.append(
                    f"the daemon {pid} of {name} grew from {early / 2**20:.1f} to "
                    f"{late / 2**20:.1f} MiB in {life:.0f} s"
                )
        return found

    def table(self) -> str:
        """The longest life of each host's daemon, for people."""
        lines = ["host   life s   memory MiB: early, late, most   files: least, last"]
        for name in sorted({name for name, _ in self.samples}):
            lives = [samples for (host, _), samples in self.samples.items() if host == name]
            samples = max(lives, key=len)
            early, late = _early_and_late(samples)
            most = max(one.memory for one in samples)
            lines.append(
                f"{name}    {samples[-1].at - samples[0].at:7.0f}   "
                f"{early / 2**20:6.1f} {late / 2**20:6.1f} {most / 2**20:6.1f}"
                f"                   {min(one.files for one in samples)} {samples[-1].files}"
            )
        return "\n".join(lines)


def _early_and_late(samples: list[Sample]) -> tuple[float, float]:
    """The most in the first half, when buffers found their size, and the usual at the end."""
    half = samples[: max(1, len(samples) // 2)]
    fifth = samples[-max(1, len(samples) // 5) :]
    return max(one.memory for one in half), statistics.median(one.memory for one in fifth)


def _memory(pid: int) -> int:
    """Of the process alone: neither the store nor the pages of others."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")


def _files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def leftovers(hosts, files_before: dict[str, int]) -> list[str]:
    """What is left of a program that has ended, once the cluster had time to clean up."""
    deadline = time.monotonic() + _CLEAN_S
    while (found := _leftovers(hosts, files_before)) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def _leftovers(hosts, files_before: dict[str, int]) -> list[str]:
    found = []
    head = hosts[0]

    def rows(what, *filters):
        return json.loads(head.mobula("list", what, "--json", *filters))

    if alive := 5 - len(rows("nodes", "--filter", "state=ALIVE")):
        found.append(f"{alive} nodes are not back")
    for what, filters in (
        ("tasks", ()),
        ("objects", ()),
        ("actors", ("--filter", "state!=DEAD")),
        ("jobs", ("--filter", "state=RUNNING")),
    ):
        left = rows(what, *filters)
        if left:
            found.append(f"{len(left)} {what} are left, such as {left[0]}")
    workers = rows("workers")
    known = {row["pid"] for row in workers}
    busy = [row for row in workers if row["state"] not in ("idle", "starting")]
    if busy:
        found.append(f"{len(busy)} workers are not idle, such as {busy[0]}")
    for number, host in enumerate(hosts, 1):
        name = f"n{number}"
        daemon = host.record()["pid"]
        names = {pid: _name(pid) for pid in pids_of(host)}
        strangers = {
            pid: name
            for pid, name in names.items()
            if pid not in known and pid != daemon and not name.startswith("mobula-zygote")
        }
        if strangers:
            found.append(f"{name} still runs {strangers}")
        more = _files(daemon) - files_before[name]
        if more > _FILES_MORE:
            found.append(f"the daemon of {name} has {more} more open files than at the start")
        session = pathlib.Path(host.record()["session_dir"])
        spilled = [str(path) for path in session.glob("spill/*")]
        if spilled:
            found.append(f"{name} has spilled files: {spilled[:3]}")
    return found


def _name(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


def after_stop(hosts) -> list[str]:
    """What is left of daemons that were stopped in order."""
    found = []
    for number, host in enumerate(hosts, 1):
        if pids := pids_of(host):
            found.append(
                f"n{number} still runs { ({pid: _name(pid) for pid in pids}) } after its end"
            )
        sockets = host.run("ss", "-Hlntx").stdout.strip()
        if sockets:
            found.append(f"n{number} still listens: {sockets[:200]}")
        # Those whose power failed have left everything, which goes after a day.
        session = pathlib.Path(host.record()["session_dir"])
        kept = {path.name for path in session.iterdir()} - {"logs", "node.json", "spill"}
        if kept:
            found.append(f"{session} keeps {sorted(kept)}")
    return found
