# SPDX-License-Identifier: Apache-2.0
"""Which options remote functions, actors and methods have, and what each may be.

A refusal begins with Ray's words for it, which programs look for, and goes on with what was
expected.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

from mobula._environments.fields import OtherType
from mobula._environments.fields import check as check_environment
from mobula.util.placement_group import PlacementGroup
from mobula.util.scheduling_strategies import (
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    PlacementGroupSchedulingStrategy,
)

# None when there is nothing against a value; else what was expected, after Ray's words if it has
# any.
Verdict = str | tuple[str, str] | None
Check = Callable[[Any], Verdict]

# Resources are counted in these.
_UNIT = 0.0001


@dataclass(frozen=True)
class Option:
    """One option: its types as Ray prints them, and what else a value must be."""

    type_constraint: Any
    check: Check
    default_value: Any = None

    def refusal(self, keyword: str, what: str, value: Any) -> Exception | None:
        """The error for a value that ``what`` may not be given."""
        verdict = self.check(value)
        if verdict is None:
            return None
        said, expected = verdict if isinstance(verdict, tuple) else ("", verdict)
        expected = f"option {keyword} of {what} takes {expected}, got {value!r}"
        if not isinstance(value, self.type_constraint):
            return TypeError(
                f"The type of keyword '{keyword}' must be {self.type_constraint}, but received "
                f"type {type(value)}: {expected}"
            )
        kind = TypeError if isinstance(verdict, OtherType) else ValueError
        return kind(f"{said}: {expected}" if said else expected)


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "a number"
    return None if value >= 0 and math.isfinite(value) else "a number of at least 0"


def _amount(name: str) -> Check:
    def check(value: Any) -> Verdict:
        expected = _number(value)
        if expected is not None:
            return f"The quantity of resource {name} cannot be negative", expected
        if 0 < value < _UNIT:
            return (
                f"The precision of the fractional quantity of resource {name} cannot go beyond "
                f"{_UNIT}",
                f"0, or a number of at least {_UNIT}",
            )
        return None

    return check


def _gpus(value: Any) -> Verdict:
    if (problem := _amount("num_gpus")(value)) is not None:
        return problem
    return None if value <= 1 or value == int(value) else "a whole number when more than 1"


def _count(least: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            return f"an integer of at least {least}"
        return None

    return check


def _counting(name: str, *, infinite: bool = True, least: int = 0, default: Any = None) -> Option:
    """A number of something; with ``infinite`` -1 stands for any number."""
    words = "None, 0 or a positive integer"
    if infinite:
        words = "None, 0, -1 or a positive integer, where -1 represents infinity"
    said = f"The keyword '{name}' only accepts {words}"
    count = _count(least)

    def check(value: Any) -> Verdict:
        if infinite and type(value) is int and value == -1:
            return None
        expected = count(value)
        if expected is None:
            return None
        return said, f"{expected}, or -1 for any number" if infinite else str(expected)

    return Option((int, NoneType), check, default)


def _num_returns(value: Any) -> Verdict:
    if value in ("streaming", "dynamic") or _count(0)(value) is None:
        return None
    return (
        "Default None. When None is passed, The default value is 1 for a task and actor task, and "
        "'streaming' for generator tasks and generator actor tasks. The keyword 'num_returns' only "
        "accepts None, a non-negative integer, 'streaming' (for generators), or 'dynamic'",
        "an integer of at least 0, or for generators 'streaming' or 'dynamic'",
    )


def _backpressure(value: Any) -> Verdict:
    if _count(1)(value) is None or (type(value) is int and value == -1):
        return None
    said = "_generator_backpressure_num_objects=0 is not allowed" if value == 0 else ""
    return said, "an integer of at least 1, or -1 for no limit"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "True or False"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "a non-empty string"


def _actor_name(value: Any) -> Verdict:
    expected = _text(value)
    return None if expected is None else ("Actor name cannot be an empty string", expected)


def _namespace(value: Any) -> Verdict:
    expected = _text(value)
    return None if expected is None else ('"" is not a valid namespace', expected)


def _resources(value: Any) -> Verdict:
    if not isinstance(value, Mapping):
        return "a dict from names to amounts"
    for name, amount in value.items():
        if name in ("CPU", "GPU", "memory", "object_store_memory"):
            option = {"CPU": "num_cpus", "GPU": "num_gpus"}.get(name, name)
            return (
                "Use the 'num_cpus' and 'num_gpus' keyword instead of 'CPU' and 'GPU' in "
                "'resources' keyword",
                f"custom resources only; {name} has its own option, {option}",
            )
        if not isinstance(name, str) or _number(amount) is not None:
            expected = f"a dict from names to numbers of at least 0, not {name!r}: {amount!r}"
            return f"The quantity of resource {name} cannot be negative", expected
        if (problem := _amount(name)(amount)) is not None:
            return problem
    return None


# "a", "!a", "in(a, b)" or "!in(a, b)".
SELECTION = re.compile(r"(!?)(?:in\(([^()]+)\)|([^!()]+))")


def _label_selector(value: Any) -> str | None:
    ok = isinstance(value, Mapping) and all(
        isinstance(part, str) and part for pair in value.items() for part in pair
    )
    if ok and all(SELECTION.fullmatch(selection) for selection in value.values()):
        return None
    return "a dict from labels to 'value', '!value', 'in(a, b)' or '!in(a, b)'"


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "a dict"


def _retry_exceptions(value: Any) -> Verdict:
    if isinstance(value, bool):
        return None
    if isinstance(value, (list, tuple)) and all(
        isinstance(item, type) and issubclass(item, BaseException) for item in value
    ):
        return None
    return (
        "retry_exceptions must be either a boolean or a list of exceptions",
        "True, False or a list of exception classes",
    )


def _strategy(value: Any) -> str | None:
    if isinstance(value, PlacementGroupSchedulingStrategy):
        return _placement_strategy(value)
    if isinstance(value, NodeAffinitySchedulingStrategy | NodeLabelSchedulingStrategy):
        return None
    if value in ("DEFAULT", "SPREAD"):
        return None
    return (
        "'DEFAULT', 'SPREAD', a NodeAffinitySchedulingStrategy, a NodeLabelSchedulingStrategy or "
        "a PlacementGroupSchedulingStrategy"
    )


def _placement_strategy(value: PlacementGroupSchedulingStrategy) -> str | None:
    for field, option in _PLACEMENT.items():
        given = getattr(value, field)
        # The index has no None.
        may_be_none = field != "placement_group_bundle_index"
        expected = None if given is None and may_be_none else option.check(given)
        if expected is not None:
            return f"a PlacementGroupSchedulingStrategy whose {field} is {expected}"
    return None


def _placement_group(value: Any) -> str | None:
    if isinstance(value, PlacementGroup) or value == "default":
        return None
    return "a PlacementGroup, or 'default' for that of the caller"


def _lifetime(value: Any) -> Verdict:
    if value in (None, "detached", "non_detached"):
        return None
    return (
        "actor `lifetime` argument must be one of 'detached', 'non_detached' and 'None'",
        "'detached' or None",
    )


def _concurrency_groups(value: Any) -> str | None:
    ok = isinstance(value, Mapping) and all(
        isinstance(name, str) and name and _count(1)(limit) is None for name, limit in value.items()
    )
    return None if ok else "a dict from names to integers of at least 1"


# Options of Ray's older way to name a group, and fields of the strategy.
_PLACEMENT = {
    "placement_group": Option((NoneType, str, PlacementGroup), _placement_group, "default"),
    "placement_group_bundle_index": Option(int, _count(-1), -1),
    "placement_group_capture_child_tasks": Option((bool, NoneType), _flag),
}
_SHARED = {
    "num_cpus": Option((float, int, NoneType), _amount("num_cpus")),
    "num_gpus": Option((float, int, NoneType), _gpus),
    "memory": Option((float, int, NoneType), _amount("memory")),
    "resources": Option((dict, NoneType), _resources),
    "accelerator_type": Option((str, NoneType), _text),
    "label_selector": Option((dict, NoneType), _label_selector),
    "name": Option((str, NoneType), _text),
    "scheduling_strategy": Option(
        (
            NoneType,
            str,
            PlacementGroupSchedulingStrategy,
            NodeAffinitySchedulingStrategy,
            NodeLabelSchedulingStrategy,
        ),
        _strategy,
    ),
    **_PLACEMENT,
    "runtime_env": Option((dict, NoneType), check_environment),
    # What libraries note for themselves.
    "_metadata": Option((dict, NoneType), _mapping),
}
_RETURNS = {
    "num_returns": Option((int, str, NoneType), _num_returns),
    "_generator_backpressure_num_objects": Option((int, NoneType), _backpressure),
}
_RETRY_EXCEPTIONS = Option((bool, list, tuple), _retry_exceptions, False)
FUNCTION = {
    **_SHARED,
    **_RETURNS,
    "max_retries": _counting("max_retries", default=3),
    "retry_exceptions": _RETRY_EXCEPTIONS,
    "max_calls": _counting("max_calls", infinite=False, default=0),
}
ACTOR = {
    **_SHARED,
    "name": Option((str, NoneType), _actor_name),
    "namespace": Option((str, NoneType), _namespace),
    "lifetime": Option((str, NoneType), _lifetime),
    "get_if_exists": Option(bool, _flag, False),
    "max_restarts": _counting("max_restarts", default=0),
    "max_task_retries": _counting("max_task_retries", default=0),
    "max_concurrency": _counting("max_concurrency", infinite=False, least=1),
    "concurrency_groups": Option((list, dict, NoneType), _concurrency_groups),
    "max_pending_calls": _counting("max_pending_calls", least=1, default=-1),
    "allow_out_of_order_execution": Option((bool, NoneType), _flag),
}
METHOD = {
    **_RETURNS,
    "name": Option((str, NoneType), _text),
    "concurrency_group": Option((str, NoneType), _text),
    "max_task_retries": _counting("max_task_retries"),
    "retry_exceptions": _RETRY_EXCEPTIONS,
}
