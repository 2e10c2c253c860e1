# SPDX-License-Identifier: Apache-2.0
"""Goal: wrong options are refused with the known ones, and right ones become resources."""

import mobula
import pytest
from mobula import _options
from mobula._placement import Placement
from mobula.util.placement_group import PlacementGroup
from mobula.util.scheduling_strategies import (
    NodeAffinitySchedulingStrategy,
    PlacementGroupSchedulingStrategy,
)


def identity(x):
    return x


class Thing:
    pass


def test_an_unknown_option_names_the_known_ones():
    with pytest.raises(ValueError, match=r"keyword num_cpu .* unknown option of remote fun"):
        mobula.remote(identity).options(num_cpu=1)
    with pytest.raises(ValueError, match=r"Valid ones are .*max_concurrency"):
        mobula.remote(Thing).options(speed=1)
    with pytest.raises(ValueError, match="Invalid option keyword num_cups"):
        mobula.remote(num_cups=1)
    with pytest.raises(ValueError, match="Invalid option keyword lifetime for remote functions"):
        mobula.remote(lifetime="detached")(identity)
    with pytest.raises(ValueError, match="Invalid option keyword num_return"):
        mobula.method(num_return=2)


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("num_cpus", -1, ValueError),
        ("num_cpus", "two", TypeError),
        ("num_cpus", True, ValueError),
        ("num_gpus", 1.5, ValueError),
        ("resources", {"CPU": 1}, ValueError),
        ("resources", {"a": -1}, ValueError),
        ("resources", ["a"], TypeError),
        ("num_returns", -1, ValueError),
        ("num_returns", 1.0, TypeError),
        ("max_retries", -2, ValueError),
        ("retry_exceptions", ValueError, TypeError),
        ("scheduling_strategy", "FAST", ValueError),
        ("scheduling_strategy", PlacementGroupSchedulingStrategy("group"), ValueError),
        ("scheduling_strategy", PlacementGroupSchedulingStrategy(None, "first"), ValueError),
        ("scheduling_strategy", PlacementGroupSchedulingStrategy(None, -2), ValueError),
        ("scheduling_strategy", PlacementGroupSchedulingStrategy(None, -1, "yes"), ValueError),
        ("placement_group", "group", ValueError),
        ("placement_group_bundle_index", -2, ValueError),
        ("placement_group_capture_child_tasks", 1, TypeError),
        ("runtime_env", {"conda": "x"}, ValueError),
        ("accelerator_type", 5, TypeError),
        ("_metadata", "text", TypeError),
        ("runtime_env", {"env_vars": {"A": 1}}, TypeError),
        ("name", "", ValueError),
    ],
)
def test_a_wrong_value_is_refused_and_shown(option, value, error):
    with pytest.raises(error, match=f"option {option} of .* takes "):
        mobula.remote(identity).options(**{option: value})


def test_resources_follow_from_options():
    options = {"num_cpus": 0.5, "num_gpus": 1, "memory": 1000, "resources": {"a": 2}}
    expected = {"CPU": 0.5, "GPU": 1, "memory": 1000, "a": 2}
    assert _options.resources_of(options, default_cpus=1) == expected
    assert _options.resources_of({}, default_cpus=1) == {"CPU": 1}
    assert _options.resources_of({}, default_cpus=0) == {}


def test_actors_hold_a_cpu_when_they_ask_for_anything_but_memory():
    assert _options.actor_resources_of({}) == ({}, {"CPU": 1})
    assert _options.actor_resources_of({"memory": 5}) == ({"memory": 5}, {"memory": 5, "CPU": 1})
    assert _options.actor_resources_of({"num_cpus": 0}) == ({}, {})
    assert _options.actor_resources_of({"num_cpus": 2}) == ({"CPU": 2}, {})
    assert _options.actor_resources_of({"num_gpus": 1}) == ({"CPU": 1, "GPU": 1}, {})
    assert _options.actor_resources_of({"resources": {"a": 1}}) == ({"CPU": 1, "a": 1}, {})


def test_a_group_is_said_in_one_way_only():
    options = {"placement_group": PlacementGroup.empty(), "scheduling_strategy": "SPREAD"}
    with pytest.raises(ValueError, match="cannot both be given"):
        _options.strategy_of(options)


def test_strategies_become_fields_of_the_task():
    node = "0" * 31 + "1"
    strategy = NodeAffinitySchedulingStrategy(node, soft=True)

    def fields_of(strategy):
        options = {"scheduling_strategy": strategy}
        return _options.strategy_fields(options, Placement("", False), {}, "a task")

    fields = fields_of(strategy)
    assert fields["strategy"] == "kNodeAffinity"
    assert fields["strategy_node"] == node
    assert fields_of("SPREAD")["strategy"] == "kSpread"


def test_what_is_not_a_function_or_class_is_refused():
    with pytest.raises(TypeError):
        mobula.remote(5)
    with pytest.raises(TypeError, match="keywords only"):
        mobula.remote()
    with pytest.raises(TypeError, match="remote already"):
        mobula.remote(mobula.remote(identity))
    with pytest.raises(ValueError, match="async"):

        @mobula.remote
        async def coroutine():
            pass


def test_remote_things_cannot_be_called_directly():
    with pytest.raises(TypeError, match=r"identity\.remote\(\)"):
        mobula.remote(identity)(1)
    with pytest.raises(TypeError, match=r"Thing\.remote\(\)"):
        mobula.remote(Thing)()


def test_an_actor_class_is_no_base_class():
    actor = mobula.remote(Thing)
    with pytest.raises(TypeError, match="derive from the plain class Thing"):

        class Derived(actor):
            pass
