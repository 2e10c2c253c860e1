# SPDX-License-Identifier: Apache-2.0
"""The options of a simulation, as the command line and mobula.sim.run take them."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from collections.abc import Sequence
from typing import Any

_UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def session_dir() -> str:
    """What stands for the session folders of all nodes; a real one, the same for all runs."""
    return os.path.join(tempfile.gettempdir(), f"mobula-sim-{os.getuid()}", "session")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimOptions:
    """One simulation: the cluster, the seed, the faults."""

    nodes: int = 1
    cpus: float = 4
    gpus: float = 0
    object_store_memory: int | None = None
    # "n2:rack=r1".
    label: Sequence[str] = ()
    seed: int = 0
    # In the command line's forms: "n2@0.5s", "n2@0.5s+2s", "worker:n2@0.5s"; "n2@1s".
    crash: Sequence[str] = ()
    restart: Sequence[str] = ()
    # Plan files, or objects of mobula.faults.Plan.
    faults: Sequence[Any] = ()
    # Files to write; empty for none.
    trace: str = ""
    trace_html: str = ""
    hashes: str = ""
    # "1ms"; None: the world's own.
    latency: str | None = None
    # "50us" for every task, "name=2ms" for one function or "Class.method".
    cost: Sequence[str] = ()
    check_invariants: bool = False
    # Real seconds without a step of the simulation after which the program counts as spinning.
    watchdog_s: float = 30

    def __post_init__(self) -> None:
        """One plan is as good as a list of it."""
        if hasattr(self.faults, "to_json") or isinstance(self.faults, (str, os.PathLike)):
            object.__setattr__(self, "faults", (self.faults,))
        else:
            object.__setattr__(self, "faults", tuple(self.faults or ()))

    def labels(self) -> list[dict[str, str]]:
        """Returns the labels of each node, as ``parse_labels``."""
        return parse_labels(self.label, self.nodes)

    def resources(self) -> dict[str, float]:
        """Returns what each node has."""
        amounts = {"CPU": float(self.cpus), "GPU": float(self.gpus), "memory": 8e9}
        return {name: amount for name, amount in amounts.items() if amount}


def parse_span(text: str) -> int:
    """Returns a time such as 0.5s, 20ms or 50us in nanoseconds.

    Raises:
        ValueError: It is not of that form.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(s|ms|us|ns)", text)
    if match is None:
        raise ValueError(f"expected a time such as 0.5s, 20ms or 50us, got '{text}'")
    return round(float(match[1]) * _UNITS_NS[match[2]])


def parse_labels(texts: Sequence[str], nodes: int) -> list[dict[str, str]]:
    """Returns the labels of n1, n2, ..., from texts such as n2:rack=r1.

    Raises:
        ValueError: A label is not of the form, or for a node that is not there.
    """
    labels: list[dict[str, str]] = [{} for _ in range(nodes)]
    for text in texts:
        match = re.fullmatch(r"n([1-9]\d*):([^=:]+)=(.+)", text)
        if match is None:
            raise ValueError(f"expected a label such as n2:rack=r1, got '{text}'")
        if int(match[1]) > nodes:
            raise ValueError(f"no node is named n{match[1]}: there are {nodes}")
        labels[int(match[1]) - 1][match[2]] = match[3]
    return labels


def parse_costs(texts: Sequence[str]) -> tuple[int | None, dict[str, int]]:
    """Returns the cost of tasks in general, if given, and of those with a cost of their own."""
    general, by_name = None, {}
    for text in texts:
        name, equals, span = text.rpartition("=")
        if equals:
            by_name[name] = parse_span(span)
        else:
            general = parse_span(text)
    return general, by_name
