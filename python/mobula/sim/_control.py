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
        sides = [f'a: "{node}"' for node in side]
        sides += [f'b: "{node}"' for node in other_side or []]
        self._started().inject(f"partition {{ {' '.join(sides)} }}")

    def inject(self, kind: str) -> None:
        """Breaks something as a plan file would say it: `slow_cpu { node: "n2" factor: 5 }`.

        Raises:
            ValueError: It is no fault, or names no node; the text says what was expected.
        """
        self._started().inject(kind)
        self._let_happen()

    def heal(self) -> None:
        """Ends every fault that lasts and brings crashed nodes back.

        Nothing of the plan happens any more.
        """
        self._started().heal()
        self._let_happen()

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
