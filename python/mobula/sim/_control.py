# SPDX-License-Identifier: Apache-2.0
"""What tests can do to the simulated cluster they run in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobula import _runtime
from mobula._sim_hub import Hub
from mobula.faults import At, CrashNode, Kind, Partition, Plan, RestartNode

_POLL_NS = 1_000_000


class Control:
    """Breaks and mends the simulated cluster that the caller runs in, and lets time pass.

    Every method returns when what it does has happened. Nodes are called n1, n2, ...; n1 is the
    head, where the calling program runs: it cannot crash.
    """

    def __init__(self, hub: Hub) -> None:
        """Of the simulation that the hub drives."""
        self._hub = hub

    def crash(self, node: str, *, silent: bool = False) -> None:
        """Ends a node at once: its daemon, its processes, its objects.

        With `silent` nobody tells the others, as when a machine loses its power; else connections
        are reset, as when a daemon is killed.
        """
        self.inject(CrashNode(node=node, silent=silent))

    def restart(self, node: str) -> None:
        """Lets a crashed node come back, empty and under a new id, and waits until it runs."""
        self.inject(RestartNode(node=node))
        while not self._hub.world.node_id(node):
            self._hub.sleep_ns(_POLL_NS)

    def partition(
        self, side: Sequence[str], other_side: Sequence[str] = (), *, one_way: bool = False
    ) -> None:
        """Loses everything that nodes of the two sides send to each other, until `heal`.

        Without another side, that is all other nodes. With `one_way` only what the first side
        sends is lost.
        """
        self.inject(Partition(a=side, b=other_side, one_way=one_way))

    def inject(self, kind: Kind) -> None:
        """Lets any fault of mobula.faults happen now."""
        _runtime.current()
        self._hub.world.inject(Plan([At(0).then(kind)]).to_json())
        self._hub.sleep_ns(0)

    def heal(self) -> None:
        """Ends everything that lasts, brings back the nodes that are down, and ends the plan."""
        self._hub.world.heal()
        self._hub.sleep_ns(0)

    def advance(self, seconds: float) -> None:
        """Lets virtual time pass: as time.sleep does in the simulation."""
        self._hub.sleep_ns(round(seconds * 1e9))

    @property
    def now(self) -> float:
        """Virtual seconds since the simulation's start."""
        return self._hub.now_ns() / 1e9

    @property
    def nodes(self) -> list[str]:
        """The names of all nodes, whether they run or not."""
        return list(self._hub.world.node_names())

    @property
    def trace_hash(self) -> str:
        """Over all events so far: equal hashes mean equal runs."""
        return str(self._hub.world.trace_hash())

    @property
    def report(self) -> dict[str, Any]:
        """What was lost and what was executed again: counts, and a text for people."""
        report: dict[str, Any] = self._hub.world.report()
        return report
