# SPDX-License-Identifier: Apache-2.0
"""Executes a fault plan on a real cluster of this machine, as the simulator does on its own.

One interpreter (`faults::Injector`) says what happens when; here it is done: by signals, by orders
to the link layers of daemons, by starting daemons again. faults/README.md says what each kind is.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import os
import shutil
import time
from collections.abc import Callable
from typing import Any

from mobula import _core, _fault_processes
from mobula._daemon import Daemon, DaemonSpec
from mobula._fault_control import ControlServer, Session
from mobula._world import NodeOptions

# Between two tries to start a daemon that found no head.
_START_AGAIN_S = 1.0


class _Clock:
    """A node's clock, as runtime/host/local/clock.h describes it."""

    def __init__(self) -> None:
        self.rates: dict[int, float] = {}
        self._machine_ns = 0
        self._shown_ns = 0
        self._rate = 1.0

    def change(self) -> None:
        """After a change of `rates`."""
        now = time.monotonic_ns()
        self._shown_ns = (
            round((now - self._machine_ns) * self._rate) + self._shown_ns
            if self._machine_ns
            else now
        )
        self._machine_ns = now
        self._rate = 1.0
        for rate in self.rates.values():
            self._rate *= rate

    def law(self) -> tuple[str, str, str] | None:
        """The words of the order `clock`; None while it has never drifted."""
        if not self._machine_ns:
            return None
        return str(self._machine_ns), str(self._shown_ns), repr(self._rate)


@dataclasses.dataclass
class ClusterNode:
    """One of n1, n2, ..."""

    spec: DaemonSpec
    is_head: bool
    # None while it is down.
    daemon: Daemon | None = None
    # Of its present incarnation.
    id: str = ""
    clock: _Clock = dataclasses.field(default_factory=_Clock)
    # Where it keeps a log; empty for nowhere.
    storage: str = ""

    @property
    def name(self) -> str:
        """As plans name it."""
        return self.spec.name


def _gcs_beside(head: ClusterNode, folder: str) -> ClusterNode:
    """A process on n1 for the GCS alone: it can die without the node's raylet and the driver."""
    storage = os.path.join(folder, "gcs")
    flags = ("--gcs-only", f"--storage={storage}")
    spec = dataclasses.replace(head.spec, node=NodeOptions(), flags=flags)
    return ClusterNode(spec, is_head=True, storage=storage)


@dataclasses.dataclass
class Counts:
    """What the report sums up."""

    faults: int = 0
    node_crashes: int = 0
    gcs_crashes: int = 0
    node_restarts: int = 0
    worker_crashes: int = 0
    tasks_lost: int = 0
    tasks_retried: int = 0


class FaultController:
    """The nodes of a cluster, and what happens to them.

    Single-threaded: `handle_ready` and `handle_timers` are called by the loop of whoever owns it.
    """

    def __init__(
        self,
        nodes: list[ClusterNode],
        folder: str,
        make_injector: Callable[[list[Any]], _core.FaultInjector] | None,
    ) -> None:
        """Starts nothing.

        Raises:
            ValueError: The plan is wrong.
        """
        self.nodes = {node.name: node for node in nodes}
        # The GCS in a process of its own with a log, where the plan is about either.
        self.gcs: ClusterNode | None = None
        self.counts = Counts()
        self.lines: list[tuple[float, str]] = []
        self._injector = None if make_injector is None else make_injector(self._facts())
        kinds = set() if self._injector is None else set(dict(self._injector.kinds()))
        if kinds & {"crash_gcs", "disk_fault"}:
            self.gcs = _gcs_beside(nodes[0], folder)
        self._listens: set[tuple[str, str]] = set()
        self._stops = _fault_processes.Stops()
        self._names: dict[str, str] = {}
        # Of the faults that the daemons carry out: the order's text.
        self._daemon_faults: dict[int, str] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order_of_timers = itertools.count()
        self._started_at: float | None = None
        self._closing = False
        self.server = ControlServer(folder, self._receive)
        self._update_listening()

    # The loop

    def handle_ready(self) -> None:
        """Something can be read from `server`."""
        self.server.pump()

    def handle_timers(self) -> float | None:
        """Does what is due; returns how long until there is something again."""
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()
        # What came while orders waited for their answers.
        self.server.pump()
        waits = [self._stops.tick()]
        if self._timers:
            waits.append(max(0.0, self._timers[0][0] - time.monotonic()))
        return min((wait for wait in waits if wait is not None), default=None)

    def close(self) -> None:
        """The driver has ended: nothing stands still any more, and nothing more happens."""
        self._closing = True
        self._timers.clear()
        self._stops.end_all()
        self.server.close()

    def resume_all(self) -> None:
        """Lets everything go on that stands still, for a signal to reach it."""
        self._stops.end_all()

    def report(self) -> str:
        """Like the simulator's."""
        texts = {
            "faults": self.counts.faults,
            "node crashes": self.counts.node_crashes,
            "GCS crashes": self.counts.gcs_crashes,
            "node restarts": self.counts.node_restarts,
            "worker crashes": self.counts.worker_crashes,
            "tasks lost while they ran": self.counts.tasks_lost,
            "tasks executed again": self.counts.tasks_retried,
        }
        lines = [", ".join(f"{what}: {count}" for what, count in texts.items() if count)]
        lines += [f"{at:12.6f}s  {text}" for at, text in self.lines]
        return "\n".join(line for line in lines if line)

    # Nodes

    def start_node(self, node: ClusterNode) -> None:
        """Starts its daemon; `node_is_ready` is to be called when `daemon.ready` can be read."""
        node.daemon = Daemon(node.spec, wait=False)

    def node_is_ready(self, node: ClusterNode) -> None:
        """Its daemon has said how its start went.

        Raises:
            RuntimeError: The head could not be started.
        """
        assert node.daemon is not None
        try:
            node.daemon.finish_start()
        except RuntimeError as error:
            node.daemon = None
            if node.is_head and self._started_at is None:
                raise
            self._note(f"{node.name}: {error}; it is started again")
            self._later(_START_AGAIN_S, lambda: self._start_again(node))

    def _start_again(self, node: ClusterNode) -> None:
        if node.daemon is None:
            self.start_node(node)

    def _facts(self) -> list[Any]:
        return [
            (node.name, node.spec.node.labels, node.daemon is not None, node.is_head)
            for node in self.nodes.values()
        ]

    # What processes say

    def _receive(self, session: Session, words: list[str]) -> None:
        if not words:
            self._forget(session)
        elif words[0] == "hello":
            self._welcome(session, *words[1:])
        elif words[0] == "saw":
            self._observe(*words[1:])
            session.send("go")
        elif words[0] == "runs":
            session.tasks[words[2]] += 1 if words[1] == "+" else -1
        elif words[0] == "actor":
            session.actor = words[1]
        elif words[0] == "retried":
            self.counts.tasks_retried += 1
            self._note(f"executed again: {words[1]}")
        elif words[0] == "cluster":
            self._note(words[1])

    def all_nodes(self) -> list[ClusterNode]:
        """Whatever has a daemon, in the order of starting."""
        return [*([] if self.gcs is None else [self.gcs]), *self.nodes.values()]

    def _forget(self, session: Session) -> None:
        for node in [] if self._closing else self.all_nodes():
            daemon = node.daemon
            if daemon is not None and daemon.pid == session.pid:
                self._note(f"the daemon of {node.name} has ended by itself")
                node.daemon = None
                daemon.kill()

    def _welcome(self, session: Session, role: str, node_name: str, identity: str) -> None:
        node = self.nodes.get(node_name)
        if node is None:
            session.send("go")
            return
        session.role, session.node, session.id = role, node_name, identity
        if role == "daemon":
            if node.daemon is not None and node.daemon.pid == session.pid:
                node.id = identity
            self._names[identity] = node_name
            names = [word for entry in self._names.items() for word in entry]
            self._order_daemons("names", *names)
            for fault, text in self._daemon_faults.items():
                self._order([session], "begin", str(fault), text)
        if law := node.clock.law():
            self._order([session], "clock", *law)
        self._order([session], *self._listen_order())
        if role == "driver" and self._started_at is None:
            self._started_at = time.monotonic()
            if self._injector is not None:
                self._carry_out(self._injector.start())
        session.send("go")

    def _observe(self, event: str, name: str, source: str, target: str) -> None:
        if self._injector is None or self._closing:
            return
        self._carry_out(self._injector.observe(event, name, source, target, self._facts()))
        self._update_listening()

    def _update_listening(self) -> None:
        listens = set() if self._injector is None else self._injector.listens()
        if listens != self._listens:
            self._listens = listens
            self._order(self.server.sessions, *self._listen_order())

    def _listen_order(self) -> list[str]:
        watched = "0" if self._injector is None else "1"
        return ["listen", watched, *(word for pair in sorted(self._listens) for word in pair)]

    def _order(self, sessions: list[Session], *words: str) -> None:
        # A process that has not been welcomed takes its first orders then; one that stands still
        # takes them when it goes on.
        self.server.order(
            [session for session in sessions if session.role],
            *words,
            patient=lambda session: (
                session.role == "daemon" and not self._stops.is_stopped(session.pid)
            ),
        )

    def _order_daemons(self, *words: str) -> None:
        daemons = [session for session in self.server.sessions if session.role == "daemon"]
        self._order(daemons, *words)

    # What the plan says

    def _carry_out(self, effects: list[Any]) -> None:
        for effect in effects:
            if effect[0] == "alarm":
                _, key, delay = effect
                self._later(delay, lambda key=key: self._ring(key))  # type: ignore[misc]
            elif effect[0] == "begin":
                _, fault, kind, fields, order = effect
                self.counts.faults += 1
                getattr(self, f"_begin_{kind}")(fault, fields, order)
            else:
                _, fault, kind, fields, _ = effect
                self._end(fault, kind, fields)

    def _ring(self, key: int) -> None:
        assert self._injector is not None
        self._carry_out(self._injector.handle_timer(key, self._facts()))
        self._update_listening()

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        entry = (time.monotonic() + delay, next(self._order_of_timers), act)
        heapq.heappush(self._timers, entry)

    def _note(self, text: str) -> None:
        if not self._closing:
            start = self._started_at
            self.lines.append((0.0 if start is None else time.monotonic() - start, text))

    def _begin_crash_node(self, fault: int, fields: dict[str, Any], order: str) -> None:
        node = self.nodes[fields["node"]]
        if node.daemon is None:
            self._note(f"{node.name} should crash but does not run")
            return
        workers = self.server.of_node(node.name, "worker")
        tasks = sum(session.tasks.total() for session in workers)
        if fields["silent"]:
            others = [
                session
                for session in self.server.sessions
                if session.role == "daemon" and session.node != node.name
            ]
            self._order(others, "silence", node.id)
        daemon, node.daemon = node.daemon, None
        _fault_processes.kill_tree(daemon.pid)
        daemon.kill()
        self.counts.node_crashes += 1
        self.counts.tasks_lost += tasks
        self._note(
            f"{node.name} crashed; lost with it: {len(workers)} processes, {tasks} running tasks"
        )

    def _begin_crash_gcs(self, fault: int, fields: dict[str, Any], order: str) -> None:
        assert self.gcs is not None
        daemon, self.gcs.daemon = self.gcs.daemon, None
        if daemon is None:
            self._note("the GCS should crash but does not run")
            return
        _fault_processes.kill_tree(daemon.pid)
        daemon.kill()
        self.counts.gcs_crashes += 1
        if fields["new_disk"]:
            shutil.rmtree(self.gcs.storage, ignore_errors=True)
        self._note(f"the GCS crashed{' and lost its disk' if fields['new_disk'] else ''}")
        if fields["lose_unsynced"]:
            self._note("nothing unsynced was lost: the kernel keeps what a killed process wrote")

    def _begin_restart_node(self, fault: int, fields: dict[str, Any], order: str) -> None:
        node = self.nodes[fields["node"]]
        if node.daemon is not None:
            return
        self.counts.node_restarts += 1
        self._note(f"{node.name} restarts")
        self.start_node(node)

    def _find_victim(self, node: str, running: str) -> Session | None:
        victim = None
        for session in self.server.of_node(node, "worker"):
            if running and not session.runs(running):
                continue
            if victim is None or (session.is_busy() and not victim.is_busy()):
                victim = session
        return victim

    def _begin_crash_worker(self, fault: int, fields: dict[str, Any], order: str) -> None:
        name = fields["node"]
        victim = self._find_victim(name, fields["running"])
        if victim is None:
            self._note(f"a worker on {name} should crash but there is none")
            return
        self.counts.worker_crashes += 1
        self.counts.tasks_lost += victim.tasks.total()
        _fault_processes.kill_tree(victim.pid)
        self._note(f"worker pid {victim.pid} on {name} crashed: killed by the fault plan")

    def _begin_pause_node(self, fault: int, fields: dict[str, Any], order: str) -> None:
        node = self.nodes[fields["node"]]
        if node.daemon is None:
            return
        self._note(f"{node.name} stands still")
        self._stops.stop(fault, lambda: self._processes_of(node))

    def _begin_pause_worker(self, fault: int, fields: dict[str, Any], order: str) -> None:
        name = fields["node"]
        victim = self._find_victim(name, fields["running"])
        if victim is None:
            self._note(f"a worker on {name} should stand still but there is none")
            return
        pid = victim.pid
        self._note(f"worker pid {pid} on {name} stands still")
        self._stops.stop(fault, lambda: [pid])

    def _begin_slow_cpu(self, fault: int, fields: dict[str, Any], order: str) -> None:
        node = self.nodes[fields["node"]]
        self._note(f"the CPUs of {node.name} take {fields['factor']:g} times as long")
        self._stops.slow(fault, fields["factor"], lambda: self._workers_of(node))

    def _begin_clock_drift(self, fault: int, fields: dict[str, Any], order: str) -> None:
        node = self.nodes[fields["node"]]
        self._note(f"the clock of {node.name} runs at {fields['rate']:g} times the true speed")
        node.clock.rates[fault] = fields["rate"]
        self._set_clock(node)

    def _begin_partition(self, fault: int, fields: dict[str, Any], order: str) -> None:
        a, b = ", ".join(fields["a"]), ", ".join(fields["b"])
        back = "" if fields["one_way"] else ", nor back"
        self._note(f"partition: nothing gets from {a} to {b}{back}")
        self._begin_in_daemons(fault, order)

    def _begin_link_fault(self, fault: int, fields: dict[str, Any], order: str) -> None:
        suffers = ", ".join(
            f"{name} {value:g}"
            for name, value in fields.items()
            if isinstance(value, float) and value and name not in ("reorder_by", "lasts")
        )
        links = f"{', '.join(fields['from'])} to {', '.join(fields['to'])}"
        self._note(f"bad links from {links}: {suffers}")
        self._begin_in_daemons(fault, order)

    def _begin_disk_fault(self, fault: int, fields: dict[str, Any], order: str) -> None:
        self._note(f"bad disk of {fields['node']}: {fields['mode']}, {fields['files']}")
        self._begin_in_daemons(fault, order)

    def _begin_in_daemons(self, fault: int, order: str) -> None:
        self._daemon_faults[fault] = order
        self._order_daemons("begin", str(fault), order)

    def _end(self, fault: int, kind: str, fields: dict[str, Any]) -> None:
        names = fields.get("a") or fields.get("from") or []
        where = fields.get("node") or ", ".join(names) or "the head"
        self._note(f"healed: {kind} of {where}")
        self._stops.end(fault)
        if kind == "crash_gcs" and self.gcs is not None and self.gcs.daemon is None:
            self._note("the GCS restarts")
            self.start_node(self.gcs)
        if self._daemon_faults.pop(fault, None) is not None:
            self._order_daemons("end", str(fault))
        for node in self.nodes.values():
            if node.clock.rates.pop(fault, None) is not None:
                self._set_clock(node)

    def _set_clock(self, node: ClusterNode) -> None:
        node.clock.change()
        law = node.clock.law()
        assert law is not None
        self._order(self.server.of_node(node.name), "clock", *law)

    def _processes_of(self, node: ClusterNode) -> list[int]:
        """The daemon, what it started, and drivers. Programs that a task started are no part."""
        if node.daemon is None:
            return []
        connected = [session.pid for session in self.server.of_node(node.name)]
        return list(dict.fromkeys([node.daemon.pid, *self._workers_of(node), *connected]))

    def _workers_of(self, node: ClusterNode) -> list[int]:
        """The zygote, which starts processes, and those it has started."""
        if node.daemon is None:
            return []
        zygotes = _fault_processes.children(node.daemon.pid)
        workers = [pid for zygote in zygotes for pid in _fault_processes.children(zygote)]
        return zygotes + workers
