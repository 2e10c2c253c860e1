# SPDX-License-Identifier: Apache-2.0
"""The options of remote functions, actors and methods: checked, and what follows from them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mobula._environments.fields import merge as merge_environments
from mobula._option_table import ACTOR, FUNCTION, METHOD, SELECTION, Option
from mobula._placement import Placement, check_fit
from mobula.util.scheduling_strategies import (
    In,
    NodeAffinitySchedulingStrategy,
    NodeLabelSchedulingStrategy,
    NotIn,
    PlacementGroupSchedulingStrategy,
)

if TYPE_CHECKING:
    from mobula._runtime import Runtime

__all__ = ["ACTOR", "FUNCTION", "METHOD"]


def check(given: Mapping[str, Any], known: Mapping[str, Option], what: str) -> dict[str, Any]:
    """The options that are not None. Raises for one that is unknown (ValueError) or wrong.

    ``what`` they are given to begins with what that is, such as "remote function f".
    """
    for option, value in given.items():
        if option not in known:
            raise ValueError(
                f"Invalid option keyword {option} for {_kind(known, what)}. Valid ones "
                f"are {list(known)}. It is an unknown option of {what}"
            )
        if value is not None and (error := known[option].refusal(option, what, value)):
            raise error
    return {option: value for option, value in given.items() if value is not None}


def _kind(known: Mapping[str, Option], what: str) -> str:
    if known is FUNCTION:
        return "remote functions"
    return "actors" if known is ACTOR else what


def check_generator(options: Mapping[str, Any], is_generator: bool, what: str) -> None:
    """Raises ValueError where only a generator can do what the options ask for."""
    number = options.get("num_returns")
    if isinstance(number, str) and not is_generator:
        raise ValueError(
            f"num_returns={number!r} can only be used with generator functions (functions that "
            f"use 'yield'), and {what} is none; give num_returns as a number"
        )


def check_cpp(options: Mapping[str, Any], what: str) -> None:
    """Raises ValueError for what code in C++ cannot be given."""
    if options.get("num_returns", 1) != 1:
        raise ValueError(
            f"{what} is of C++, where calls return one value; num_returns is "
            f"{options['num_returns']!r}"
        )
    if options.get("max_pending_calls", -1) >= 0:
        raise ValueError(f"{what} is of C++, for which there is no max_pending_calls")
    if not isinstance(options.get("retry_exceptions", False), bool):
        raise ValueError(
            f"{what} is of C++, which throws no class of Python: retry_exceptions is True or False"
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
    match = SELECTION.fullmatch(selection)
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
