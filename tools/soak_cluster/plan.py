# SPDX-License-Identifier: Apache-2.0
"""Fault plans of the soak: drawing them, and carrying them out on hosts."""

import os
import random
import signal
import subprocess
import threading
import time

from mobula import _fault_processes
from mobula._sim_options import parse_span
from mobula.faults import At, CrashGcs, CrashNode, CrashWorker, Partition, PauseNode, Plan

# The last part of a run is without faults: the cluster must recover from all.
QUIET_S = 20.0
# A cable that is out for so long is a flap; for longer, the node is declared dead.
FLAP_S = (0.2, 0.7)
CUT_S = (3.0, 7.0)
# A host that stands still, and goes on: sometimes it was declared dead meanwhile.
PAUSE_S = (0.3, 5.0)


def draw(seed: int, seconds: float) -> Plan:
    """Faults for a run of so many seconds, on n1 (the head) to n5; n2 has the driver."""
    chance = random.Random(seed)
    faults, now = [], 8.0
    # When each is whole again.
    whole = {f"n{number}": 0.0 for number in range(1, 6)}
    while now < seconds - QUIET_S:
        # One of the three that may go stays, and there is no fault upon a fault.
        ready = [node for node, at in whole.items() if at < now]
        others = [node for node in ("n3", "n4", "n5") if node in ready]
        kinds = ["worker", "worker", "flap"]
        if len(others) >= 2:
            kinds += ["power", "power", "cable", "pause"]
        if "n1" in ready and len(others) == 3:
            kinds += ["head"]
        kind = chance.choice(kinds)
        moment = At(round(now, 1))
        if kind == "worker":
            node = chance.choice(ready or ["n2"])
            faults.append(moment.then(CrashWorker(node=node)))
        elif kind == "head":
            away = round(chance.uniform(0.5, 4.0), 1)
            faults.append(moment.then(CrashGcs(restart_after=away)))
            whole["n1"] = now + away + 8.0
        elif kind == "power":
            node = chance.choice(others)
            away = round(chance.uniform(0.5, 6.0), 1)
            faults.append(moment.then(CrashNode(node=node, restart_after=away)))
            whole[node] = now + away + 6.0
        elif kind == "pause":
            node = chance.choice(others)
            lasts = round(chance.uniform(*PAUSE_S), 1)
            faults.append(moment.then(PauseNode(node=node, lasts=lasts)))
            whole[node] = now + lasts + 6.0
        elif kind == "flap":
            node = chance.choice(ready if len(others) >= 2 else ["n2"])
            lasts = round(chance.uniform(*FLAP_S), 2)
            faults.append(moment.then(Partition(a=[node], lasts=lasts)))
            whole[node] = now + lasts + 3.0
        else:
            node = chance.choice(others)
            lasts = round(chance.uniform(*CUT_S), 1)
            faults.append(moment.then(Partition(a=[node], lasts=lasts)))
            whole[node] = now + lasts + 6.0
        now += chance.uniform(2.0, 6.0)
    return Plan(faults)


class Breaker:
    """Carries a plan out: what `crash_gcs` is here is the loss of the head's host."""

    def __init__(self, hosts, start_head, join, seed, tell):
        self._hosts = {f"n{number}": host for number, host in enumerate(hosts, 1)}
        self._start_head = start_head
        self._join = join
        self._chance = random.Random(seed)
        self._tell = tell
        self._threads = []
        self._failures = []

    def run(self, plan: Plan, stop: threading.Event) -> None:
        """Returns when the last fault has begun; `settle` waits until all are over."""
        begin = time.monotonic()
        for fault in plan.faults:
            at = float(_seconds(fault.trigger.at))
            if stop.wait(max(0.0, begin + at - time.monotonic())):
                return
            self._tell(f"{at:7.1f} s  {fault.kind}")
            thread = threading.Thread(target=self._guard, args=(fault.kind,))
            thread.start()
            self._threads.append(thread)

    def settle(self) -> list[str]:
        """Waits until everything is whole again; returns what could not be mended."""
        for thread in self._threads:
            thread.join()
        return self._failures

    def _guard(self, kind) -> None:
        try:
            self._carry_out(kind)
        except BaseException as error:
            self._failures.append(f"{kind}: {error}")

    def _carry_out(self, kind) -> None:
        if isinstance(kind, CrashNode):
            host = self._hosts[kind.node]
            host.kill()
            time.sleep(_seconds(kind.restart_after))
            self._join(host)
        elif isinstance(kind, CrashGcs):
            self._hosts["n1"].kill()
            time.sleep(_seconds(kind.restart_after))
            self._start_head()
        elif isinstance(kind, Partition):
            for name in kind.a:
                self._hosts[name].cut()
            time.sleep(_seconds(kind.lasts))
            for name in kind.a:
                self._hosts[name].heal()
        elif isinstance(kind, PauseNode):
            pids = pids_of(self._hosts[kind.node])
            _fault_processes.send(pids, signal.SIGSTOP)
            time.sleep(_seconds(kind.lasts))
            _fault_processes.send(pids, signal.SIGCONT)
        elif isinstance(kind, CrashWorker):
            self._crash_worker(self._hosts[kind.node])
        else:
            raise ValueError(f"the soak has no way to carry out {type(kind).__name__}")

    def _crash_worker(self, host) -> None:
        daemon = host.record()["pid"]
        zygotes = _fault_processes.children(daemon)
        workers = [pid for zygote in zygotes for pid in _fault_processes.children(zygote)]
        if workers:
            _fault_processes.send([self._chance.choice(sorted(workers))], signal.SIGKILL)


def _seconds(text) -> float:
    """Of a time as plans have it: "500ms"."""
    return parse_span(str(text)) / 1e9


def pids_of(host) -> list[int]:
    """All processes of a host."""
    done = subprocess.run(["ip", "netns", "pids", host.name], capture_output=True, text=True)
    return [int(pid) for pid in done.stdout.split() if os.path.exists(f"/proc/{pid}")]
