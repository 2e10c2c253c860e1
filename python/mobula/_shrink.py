# SPDX-License-Identifier: Apache-2.0
"""Makes a fault plan smaller while something still fails under it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mobula._sim_options import parse_span
from mobula.faults import At, Every, Fault, On, Plan

# Fields whose defaults mean more, not less: everybody, for ever.
_NOT_SIMPLER_WITHOUT = ("b", "to", "event", "mode", "lasts")

# Of each plan, whether it still fails. Several may be asked about at once.
Check = Callable[[Sequence[Plan]], Sequence[bool]]


class Shrinker:
    """Searches for a plan that is as small as it can be made step by step.

    A step drops faults, or makes one simpler: earlier, shorter, without a condition. Steps are
    taken in a fixed order, so that equal plans shrink alike.
    """

    def __init__(self, check: Check, *, runs: int, batch: int = 1) -> None:
        """Asks `check` about at most `runs` plans, `batch` at a time."""
        self._check = check
        self._left = runs
        self._batch = max(1, batch)
        # How many plans were tried.
        self.runs = 0

    def shrink(self, plan: Plan) -> Plan:
        """Returns the smallest plan found; `plan` itself is taken to fail."""
        tried = {plan}
        while True:
            smaller = self._first_that_fails(plan, tried)
            if smaller is None:
                return plan
            plan = smaller

    def try_first(self, plan: Plan) -> bool:
        """Whether a plan fails, counted as one of the runs."""
        return self._left > 0 and self._ask([plan])[0]

    def _first_that_fails(self, plan: Plan, tried: set[Plan]) -> Plan | None:
        batch: list[Plan] = []
        for candidate in simpler_plans(plan):
            if candidate in tried:
                continue
            tried.add(candidate)
            batch.append(candidate)
            if len(batch) == min(self._batch, self._left):
                found = self._first_of(batch)
                if found is not None or self._left <= 0:
                    return found
                batch = []
        return self._first_of(batch) if batch and self._left > 0 else None

    def _first_of(self, batch: list[Plan]) -> Plan | None:
        if not batch:
            return None
        for plan, fails in zip(batch, self._ask(batch), strict=True):
            if fails:
                return plan
        return None

    def _ask(self, plans: Sequence[Plan]) -> Sequence[bool]:
        self._left -= len(plans)
        self.runs += len(plans)
        return self._check(plans)


def simpler_plans(plan: Plan) -> Iterator[Plan]:
    """Yields plans a step smaller than `plan`, the boldest first."""
    for faults in _simpler_lists(plan.faults):
        # A step may lead to what is no plan: a fault that lasts for no time.
        with contextlib.suppress(ValueError):
            yield Plan(faults)


def _simpler_lists(faults: tuple[Fault, ...]) -> Iterator[tuple[Fault, ...]]:
    size = len(faults)
    while size >= 1:
        for start in range(0, len(faults), size):
            yield faults[:start] + faults[start + size :]
        size //= 2
    for index, fault in enumerate(faults):
        for simpler in _simpler_faults(fault):
            yield (*faults[:index], simpler, *faults[index + 1 :])


def _simpler_faults(fault: Fault) -> Iterator[Fault]:
    def change(**changes: Any) -> Fault:
        return dataclasses.replace(fault, **changes)

    if fault.probability != 1:
        yield change(probability=1)
    if fault.after != "0s":
        yield change(after="0s")
    if isinstance(fault.trigger, Every):
        yield change(trigger=At(fault.trigger.every), times=None)
        if fault.times != 1:
            yield change(times=1)
    else:
        for trigger in _simpler_messages(fault.trigger):
            yield change(trigger=trigger)
    for kind in _simpler_messages(fault.kind):
        yield change(kind=kind)


def _simpler_messages(message: Any) -> Iterator[Any]:
    """A trigger or a kind with one field less, or with a smaller time or number."""
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if value == field.default:
            continue
        if field.name in message.TIMES:
            for span in _smaller_times(value):
                yield dataclasses.replace(message, **{field.name: span})
        elif isinstance(message, On) and field.name == "count":
            for count in sorted({1, value // 2, value - 1} - {0, value}):
                yield dataclasses.replace(message, count=count)
        if field.default is not dataclasses.MISSING and field.name not in _NOT_SIMPLER_WITHOUT:
            yield dataclasses.replace(message, **{field.name: field.default})


def _smaller_times(text: str) -> Iterator[str]:
    """Zero, half, and the time with fewer digits."""
    span_ns = parse_span(text)
    if span_ns == 0:
        return
    yield "0s"
    if span_ns > 2_000_000:
        yield f"{span_ns // 2}ns"
    digits = len(str(span_ns))
    for kept in (1, 2, 3):
        if kept < digits:
            unit = 10 ** (digits - kept)
            rounded = span_ns // unit * unit
            if rounded != span_ns:
                yield f"{rounded}ns"
