# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies: fault plans to attack a program with, which shrink to small ones.

For example::

    from hypothesis import given, settings
    from mobula import sim
    from mobula.sim import strategies

    @settings(deadline=None)
    @given(plan=strategies.plans(nodes=3))
    def test_answer_is_right(plan):
        with sim.Cluster(nodes=3, faults=plan):
            assert my_program() == 42

It takes the package hypothesis.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from mobula.faults import (
    KINDS,
    At,
    CrashGcs,
    CrashNode,
    DiskFault,
    Fault,
    Kind,
    LinkFault,
    On,
    Partition,
    Plan,
    RestartNode,
    Trigger,
)

__all__ = ["faults", "plans", "triggers"]

# What a plan can wait for besides time. Messages that every program sends.
_MESSAGES = ("PushTask", "TaskDone", "RequestLease", "LeaseGranted")
_EVENTS = ("TASK_STARTED", "TASK_FINISHED", "LEASE_GRANTED", "OBJECT_SEALED")
# By the name of a field: the numbers that make sense for it.
_RANGES = {
    "factor": (1.0, 20.0),
    "rate": (0.5, 2.0),
    "loss": (0.0, 0.5),
    "duplicate": (0.0, 0.5),
    "reorder": (0.0, 0.5),
    "bytes_per_second": (1e5, 1e9),
}
_LONGEST_DELAY_S = 0.1


def plans(
    *,
    nodes: int = 3,
    kinds: Sequence[type[Kind]] | None = None,
    max_faults: int = 4,
    horizon: float = 5.0,
) -> st.SearchStrategy[Plan]:
    """Draws fault plans for a cluster of `nodes` nodes.

    What lasts ends again, so that a program can be expected to come to its end. A plan shrinks
    towards fewer faults, that happen earlier, on the first node.

    Args:
        nodes: How many the cluster has; n1, the head, does not crash.
        kinds: Of which kinds of faults; by default of all.
        max_faults: How many at most.
        horizon: Virtual seconds within which they happen, and which they last at most.
    """
    one = faults(nodes=nodes, kinds=kinds, horizon=horizon)
    return st.lists(one, max_size=max_faults).map(Plan)


def faults(
    *, nodes: int = 3, kinds: Sequence[type[Kind]] | None = None, horizon: float = 5.0
) -> st.SearchStrategy[Fault]:
    """Draws single faults; see `plans`."""
    if nodes < 2:
        raise ValueError(f"faults need at least two nodes, one besides the head; got {nodes}")
    names = [f"n{number}" for number in range(1, nodes + 1)]
    chosen = list(KINDS.values()) if kinds is None else list(kinds)
    kind = st.one_of([_kinds(cls, names, horizon) for cls in chosen])
    return st.builds(Fault, trigger=triggers(nodes=nodes, horizon=horizon), kind=kind)


def triggers(*, nodes: int = 3, horizon: float = 5.0) -> st.SearchStrategy[Trigger]:
    """Draws when a fault comes up: at a time, or at an event."""
    node = st.sampled_from(["", *(f"n{number}" for number in range(1, nodes + 1))])
    count = st.integers(1, 20)
    message = st.builds(On, message=st.sampled_from(_MESSAGES), from_=node, to=node, count=count)
    event = st.builds(On, event=st.sampled_from(_EVENTS), from_=node, count=count)
    return st.one_of(st.builds(At, _times(0, horizon)), message, event)


def _kinds(cls: type[Kind], names: list[str], horizon: float) -> st.SearchStrategy[Kind]:
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if cls is Partition:
        sides = st.lists(
            st.sampled_from(names), min_size=1, max_size=len(names) - 1, unique=True
        ).map(sorted)
        return st.builds(Partition, a=sides, one_way=st.booleans(), lasts=_times(0.001, horizon))
    if cls is CrashGcs:
        return st.builds(CrashGcs, restart_after=_times(0, horizon))
    if cls is DiskFault:
        # One that lies promises nothing, and objects that cannot be spilled are an error; the
        # others must only delay.
        slow = st.builds(
            DiskFault,
            node=st.just(names[0]),
            mode=st.just("SLOW"),
            delay=_times(0.001, _LONGEST_DELAY_S),
            lasts=_times(0.001, horizon),
        )
        return slow | st.builds(
            DiskFault,
            node=st.just(names[0]),
            mode=st.sampled_from(["FAIL", "FULL"]),
            files=st.just("GCS_LOG"),
            lasts=_times(0.001, horizon),
        )
    drawn: dict[str, Any] = {}
    for name in fields:
        strategy = _field(cls, name, names, horizon)
        if strategy is not None:
            drawn[name] = strategy
    return st.builds(cls, **drawn)


def _field(
    cls: type[Kind], name: str, names: list[str], horizon: float
) -> st.SearchStrategy[Any] | None:
    if name == "node":
        spared = 1 if cls in (CrashNode, RestartNode) else 0
        return st.sampled_from(names[spared:])
    if cls is LinkFault and name == "from_":
        return st.sampled_from(names).map(lambda one: [one])
    if name == "lasts":
        return _times(0.001, horizon)
    if name == "restart_after":
        return st.none() | _times(0, horizon)
    if name in ("delay", "jitter"):
        return _times(0, _LONGEST_DELAY_S)
    if name in ("silent", "both_ways"):
        return st.booleans()
    if name in _RANGES:
        low, high = _RANGES[name]
        number = st.floats(low, high, allow_nan=False)
        return number if low else st.just(0.0) | number
    return None


def _times(shortest: float, longest: float) -> st.SearchStrategy[str]:
    """Whole milliseconds, as a plan file says them."""
    milliseconds = st.integers(round(shortest * 1000), max(1, round(longest * 1000)))
    return milliseconds.map(lambda number: f"{number}ms")
