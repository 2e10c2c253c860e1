# SPDX-License-Identifier: Apache-2.0
"""The options of remote functions, actors and methods: which there are, and what they may be."""

from __future__ import annotations

import json
import math
import pickle
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mobula._environments.fields import check as check_environment
from mobula._environments.fields import merge as merge_environments
from mobula._placement import Placement, check_fit
from mobula.util.placement_group import PlacementGroup
from mobula.util.scheduling_strategies import (
    In,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    NotIn,
    PlacementGroupSchedulingStrategy,
)

if TYPE_CHECKING:
    from mobula._runtime import Runtime

Check = Callable[[Any], "str | None"]


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "a number"
    return None if value >= 0 and math.isfinite(value) else "a number of at least 0"


def _gpus(value: Any) -> str | None:
    if (problem := _number(value)) is not None:
        return problem
    return None if value <= 1 or value == int(value) else "a whole number when more than 1"


def _count(least: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            return f"an integer of at least {least}"
        return None

    return check


def _num_returns(value: Any) -> str | None:
    if value in ("streaming", "dynamic") or _count(0)(value) is None:
        return None
    return "an integer of at least 0, or for generators 'streaming' or 'dynamic'"


def _backpressure(value: Any) -> str | None:
    if _count(1)(value) is None or (type(value) is int and value == -1):
        return None
    return "an integer of at least 1, or -1 for no limit"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "True or False"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "a non-empty string"


def _resources(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "a dict from names to amounts"
    for name, amount in value.items():
        if name in ("CPU", "GPU", "memory", "object_store_memory"):
            option = {"CPU": "num_cpus", "GPU": "num_gpus"}.get(name, name)
            return f"custom resources only; {name} has its own option, {option}"
        if not isinstance(name, str) or _number(amount) is not None:
            return f"a dict from names to numbers of at least 0, not {name!r}: {amount!r}"
    return None


# "a", "!a", "in(a, b)" or "!in(a, b)".
_SELECTION = re.compile(r"(!?)(?:in\(([^()]+)\)|([^!()]+))")


def _label_selector(value: Any) -> str | None:
    ok = isinstance(value, Mapping) and all(
        isinstance(part, str) and part for pair in value.items() for part in pair
    )
    if ok and all(_SELECTION.fullmatch(selection) for selection in value.values()):
        return None
    return "a dict from labels to 'value', '!value', 'in(a, b)' or '!in(a, b)'"


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "a dict"


def _retry_exceptions(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (list, tuple)) and all(
        isinstance(item, type) and issubclass(item, BaseException) for item in value
    ):
        return None
    return "True, False or a list of exception classes"


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
    for field, check in _PLACEMENT.items():
        given = getattr(value, field)
        # The index has no None.
        may_be_none = field != "placement_group_bundle_index"
        expected = None if given is None and may_be_none else check(given)
        if expected is not None:
            return f"a PlacementGroupSchedulingStrategy whose {field} is {expected}"
    return None


def _placement_group(value: Any) -> str | None:
    if isinstance(value, PlacementGroup) or value == "default":
        return None
    return "a PlacementGroup, or 'default' for that of the caller"


# Options of Ray's older way to name a group, and fields of the strategy.
_PLACEMENT: dict[str, Check] = {
    "placement_group": _placement_group,
    "placement_group_bundle_index": _count(-1),
    "placement_group_capture_child_tasks": _flag,
}


def _lifetime(value: Any) -> str | None:
    return None if value in (None, "detached", "non_detached") else "'detached' or None"


def _pending_calls(value: Any) -> str | None:
    ok = value == -1 or _count(1)(value) is None
    return None if ok else "an integer of at least 1, or -1 for any number"


def _concurrency_groups(value: Any) -> str | None:
    ok = isinstance(value, Mapping) and all(
        isinstance(name, str) and name and _count(1)(limit) is None for name, limit in value.items()
    )
    return None if ok else "a dict from names to integers of at least 1"


_SHARED: dict[str, Check] = {
    "num_cpus": _number,
    "num_gpus": _gpus,
    "memory": _number,
    "resources": _resources,
    "accelerator_type": _text,
    "label_selector": _label_selector,
    "name": _text,
    "scheduling_strategy": _strategy,
    **_PLACEMENT,
    "runtime_env": check_environment,
    # What libraries note for themselves.
    "_metadata": _mapping,
}
FUNCTION: dict[str, Check] = {
    **_SHARED,
    "num_returns": _num_returns,
    "_generator_backpressure_num_objects": _backpressure,
    "max_retries": _count(-1),
    "retry_exceptions": _retry_exceptions,
    "max_calls": _count(0),
}
ACTOR: dict[str, Check] = {
    **_SHARED,
    "namespace": _text,
    "lifetime": _lifetime,
    "get_if_exists": _flag,
    "max_restarts": _count(-1),
    "max_task_retries": _count(-1),
    "max_concurrency": _count(1),
    "concurrency_groups": _concurrency_groups,
    "max_pending_calls": _pending_calls,
    "allow_out_of_order_execution": _flag,
}
METHOD: dict[str, Check] = {
    "num_returns": _num_returns,
    "_generator_backpressure_num_objects": _backpressure,
    "name": _text,
    "concurrency_group": _text,
    "max_task_retries": _count(-1),
    "retry_exceptions": _retry_exceptions,
}


def check(given: Mapping[str, Any], known: Mapping[str, Check], what: str) -> dict[str, Any]:
    """The options that are not None. Raises ValueError for one that is unknown or wrong."""
    for option, value in given.items():
        if option not in known:
            names = ", ".join(sorted(known))
            raise ValueError(f"unknown option {option!r} of {what}; known are: {names}")
        if value is None:
            continue
        expected = known[option](value)
        if expected is not None:
            raise ValueError(f"option {option} of {what} takes {expected}, got {value!r}")
    return {option: value for option, value in given.items() if value is not None}


def check_generator(options: Mapping[str, Any], is_generator: bool, what: str) -> None:
    """Raises ValueError where only a generator can do what the options ask for."""
    number = options.get("num_returns")
    if isinstance(number, str) and not is_generator:
        raise ValueError(
            f"num_returns={number!r} can only be used with generator functions (functions that "
            f"use 'yield'), and {what} is none; give num_returns as a number"
        )


def return_fields(options: Mapping[str, Any], is_generator: bool) -> dict[str, Any]:
    """The arguments of ``TaskTemplate`` that say how many results there are."""
    number = options.get("num_returns", "streaming" if is_generator else 1)
    if not isinstance(number, str):
        return {"num_returns": number}
    limit = options.get("_generator_backpressure_num_objects", -1)
    return {
        "num_returns": 1,
        "is_stream": True,
        "stream_limit": max(limit, 0),
        "stream_gathered": number == "dynamic",
    }


def resources_of(options: Mapping[str, Any], default_cpus: float) -> dict[str, float]:
    """The amounts that a task with these options needs."""
    amounts = {
        "CPU": options.get("num_cpus", default_cpus),
        "GPU": options.get("num_gpus", 0),
        "memory": options.get("memory", 0),
        **options.get("resources", {}),
    }
    if kind := options.get("accelerator_type"):
        # Next to nothing of what a node with such a device says it has.
        amounts[f"accelerator_type:{kind}"] = 0.001
    return {name: float(amount) for name, amount in amounts.items() if amount}


def actor_resources_of(options: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """What an actor with these options holds, and what its node must have if that is more.

    One that asks for nothing but memory goes where there is a CPU, and holds none. One that asks
    for anything holds a CPU, too, unless ``num_cpus`` says otherwise.
    """
    asks = {"num_cpus", "num_gpus"} & set(options) or options.get("resources")
    held = resources_of(options, default_cpus=1 if asks else 0)
    return held, {} if asks else {**held, "CPU": 1.0}


def strategy_of(options: Mapping[str, Any]) -> Any:
    """The scheduling strategy that the options say, in the newer way; None when they say none."""
    strategy = options.get("scheduling_strategy")
    group = options.get("placement_group", "default")
    if group == "default":
        return strategy
    if strategy is not None:
        raise ValueError(
            "placement_group and scheduling_strategy cannot both be given: say it with "
            "scheduling_strategy=PlacementGroupSchedulingStrategy(...)"
        )
    return PlacementGroupSchedulingStrategy(
        group,
        options.get("placement_group_bundle_index", -1),
        options.get("placement_group_capture_child_tasks"),
    )


def strategy_fields(
    options: Mapping[str, Any], parent: Placement, needs: Mapping[str, float], what: str
) -> dict[str, Any]:
    """The arguments of ``TaskTemplate`` that say where ``what`` runs.

    ``parent`` is where the caller runs. Raises ValueError for what never fits.
    """
    strategy = strategy_of(options)
    if selector := options.get("label_selector"):
        if strategy not in (None, "DEFAULT"):
            raise ValueError(
                "label_selector and another scheduling_strategy cannot both be given: say it with "
                "scheduling_strategy=NodeLabelSchedulingStrategy(...)"
            )
        strategy = NodeLabelSchedulingStrategy(
            {label: _selected(selection) for label, selection in selector.items()}
        )
    if strategy is None:
        if not parent.captures_children:
            return {}
        return {
            "strategy": "kPlacementGroup",
            "strategy_group": parent.group,
            "strategy_captures": True,
        }
    if strategy == "SPREAD":
        return {"strategy": "kSpread"}
    if isinstance(strategy, NodeAffinitySchedulingStrategy):
        return {
            "strategy": "kNodeAffinity",
            "strategy_node": strategy.node_id,
            "strategy_soft": strategy.soft,
        }
    if isinstance(strategy, NodeLabelSchedulingStrategy):
        return {"strategy": "kNodeLabel", "strategy_labels": _label_rules(strategy)}
    if not isinstance(strategy, PlacementGroupSchedulingStrategy):
        return {}
    group, index = strategy.placement_group, strategy.placement_group_bundle_index
    if group is None or group.is_empty:
        if index != -1:
            raise ValueError(
                f"If placement group is not set, the value of bundle index must be -1, not {index}"
            )
        return {}
    check_fit(group.bundle_specs, index, needs, what)
    captures = strategy.placement_group_capture_child_tasks
    return {
        "strategy": "kPlacementGroup",
        "strategy_group": group.id.hex(),
        "strategy_bundle": index + 1,
        "strategy_captures": parent.captures_children if captures is None else captures,
    }


def _selected(selection: str) -> In | NotIn:
    match = _SELECTION.fullmatch(selection)
    assert match is not None
    negated, several, single = match.groups()
    values = [value.strip() for value in several.split(",")] if several else [single]
    return NotIn(*values) if negated else In(*values)


def _label_rules(
    strategy: NodeLabelSchedulingStrategy,
) -> list[tuple[str, str, list[str], bool]]:
    return [
        (key, f"k{type(rule).__name__}", getattr(rule, "values", []), soft)
        for rules, soft in ((strategy.hard, False), (strategy.soft, True))
        for key, rule in rules.items()
    ]


def template_fields(
    runtime: Runtime, options: Mapping[str, Any], resources: dict[str, float]
) -> dict[str, Any]:
    """The arguments of ``TaskTemplate`` that functions and actors share."""
    fields: dict[str, Any] = {"resources": resources}
    env = runtime.environment
    if options.get("runtime_env"):
        env = merge_environments(env, runtime.resolve_environment(options["runtime_env"]))
    if env:
        fields["runtime_env"] = json.dumps(env, sort_keys=True)
    return fields


def retry_extras(retry_exceptions: Any) -> dict[str, Any]:
    """What the language layer must know of ``retry_exceptions`` that names classes."""
    if isinstance(retry_exceptions, (list, tuple)):
        return {"retry_exceptions": tuple(retry_exceptions)}
    return {}


def serialize_extras(extras: dict[str, Any]) -> bytes:
    """The options that only the language layer knows, as they travel with a task."""
    import cloudpickle

    return cloudpickle.dumps(extras) if extras else b""


def extras_of(language_options: bytes) -> dict[str, Any]:
    """What ``serialize_extras`` was given."""
    extras: dict[str, Any] = pickle.loads(language_options) if language_options else {}
    return extras
