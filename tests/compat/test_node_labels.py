# SPDX-License-Identifier: Apache-2.0
"""Where tasks and actors run by the labels of nodes."""

import pytest
import ray
from ray.util.scheduling_strategies import (
    DoesNotExist,
    Exists,
    In,
    NodeLabelSchedulingStrategy,
    NotIn,
)


@pytest.fixture
def zones(ray_start_cluster):
    """Nodes without a label, in zone a, and in zone b on spot."""
    cluster = ray_start_cluster
    for labels in ({}, {"zone": "a"}, {"zone": "b", "spot": "yes"}):
        cluster.add_node(num_cpus=2, labels=labels)
    ray.init(address=cluster.address)
    yield cluster


@ray.remote
def where():
    return ray.get_runtime_context().get_node_labels().get("zone")


@ray.remote
class Actor:
    def where(self):
        return ray.get_runtime_context().get_node_labels().get("zone")


def by(hard, **soft):
    return NodeLabelSchedulingStrategy(hard, **soft)


@pytest.mark.parametrize(
    ("hard", "zone"),
    [
        ({"zone": In("b")}, "b"),
        ({"zone": In("c", "a")}, "a"),
        ({"zone": Exists(), "spot": DoesNotExist()}, "a"),
        ({"spot": Exists()}, "b"),
        ({"zone": NotIn("a", "b")}, None),
        ({"zone": DoesNotExist()}, None),
    ],
)
def test_hard_rules_are_kept(zones, hard, zone):
    strategy = by(hard)
    tasks = [where.options(scheduling_strategy=strategy).remote() for _ in range(3)]
    assert set(ray.get(tasks)) == {zone}
    actor = Actor.options(scheduling_strategy=strategy).remote()
    assert ray.get(actor.where.remote()) == zone


def test_soft_rules_are_kept_where_that_is_possible(zones):
    prefers = by({"zone": Exists()}, soft={"spot": DoesNotExist()})
    assert ray.get(where.options(scheduling_strategy=prefers).remote()) == "a"
    wishes = by({"zone": In("b")}, soft={"zone": In("moon")})
    assert ray.get(where.options(scheduling_strategy=wishes).remote()) == "b"
    only_soft = by(None, soft={"zone": In("b")})
    assert ray.get(where.options(scheduling_strategy=only_soft).remote()) == "b"


def test_a_task_waits_for_a_node_with_its_label(zones):
    waits = where.options(scheduling_strategy=by({"zone": In("moon")})).remote()
    assert ray.wait([waits], timeout=0.3)[0] == []
    zones.add_node(num_cpus=1, labels={"zone": "moon"})
    assert ray.get(waits) == "moon"


@pytest.mark.parametrize(
    ("selector", "zone"),
    [
        ({"zone": "b"}, "b"),
        ({"zone": "in(c, a)"}, "a"),
        ({"zone": "!in(a, b)"}, None),
        ({"zone": "!b", "spot": "!yes"}, ("a", None)),
    ],
)
def test_a_selector_says_it_shorter(zones, selector, zone):
    found = ray.get(where.options(label_selector=selector).remote())
    assert found in zone if isinstance(zone, tuple) else found == zone
    actor = Actor.options(label_selector=selector).remote()
    found = ray.get(actor.where.remote())
    assert found in zone if isinstance(zone, tuple) else found == zone


@pytest.mark.parametrize("wrong", [["zone"], {"zone": 1}, {"zone": ""}, {"zone": "in(a"}, {1: "a"}])
def test_a_wrong_selector_is_refused(wrong):
    with pytest.raises((TypeError, ValueError), match="label_selector"):
        where.options(label_selector=wrong)


def test_a_selector_is_no_addition_to_a_strategy(zones):
    with pytest.raises(ValueError, match="label_selector"):
        where.options(label_selector={"zone": "a"}, scheduling_strategy="SPREAD").remote()


def test_labels_are_told(shutdown_only):
    ray.init(num_cpus=1, labels={"zone": "a"})
    assert ray.get_runtime_context().get_node_labels()["zone"] == "a"
    assert ray.nodes()[0]["Labels"]["zone"] == "a"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: by({}), "empty"),
        (lambda: by(None), "empty"),
        (lambda: by(["zone"]), "hard"),
        (lambda: by({1: Exists()}), "hard"),
        (lambda: by({"zone": "a"}), "zone"),
        (lambda: by({"zone": Exists()}, soft={"zone": 1}), "soft"),
        (lambda: In(), "one or more strings"),
        (lambda: NotIn(1), "one or more strings"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
