# SPDX-License-Identifier: Apache-2.0
"""What tests can do to the simulated cluster they run in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobula import _runtime
from mobula._sim_hub import Hub

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
        self._started().crash_node(node, silent)
        self._let_happen()

    def restart(self, node: str) -> None:
        """Lets a crashed node come back, empty and under a new id, and waits until it runs."""
        world = self._started()
        world.restart_node(node)
        self._let_happen()
        while not world.node_id(node):
            self._hub.sleep_ns(_POLL_NS)

    def partition(self, side: Sequence[str], other_side: Sequence[str] | None = None) -> None:
        """Loses everything that nodes of the two sides send to each other.

        Without another side, that is all other nodes.
        """
        world = self._started()
        others = other_side or [node for node in world.node_names() if node not in side]
        for node in side:
            for other in others:
                world.set_link(node, other, False)

    def heal(self) -> None:
        """Ends every partition."""
        world = self._started()
        names = world.node_names()
        for node in names:
            for other in names:
                if node != other:
                    world.set_link(node, other, True)

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

    def _started(self) -> Any:
        """The world, with a cluster in it."""
        _runtime.current()
        return self._hub.world

    def _let_happen(self) -> None:
        """What is due now happens before the caller goes on."""
        self._hub.sleep_ns(0)
