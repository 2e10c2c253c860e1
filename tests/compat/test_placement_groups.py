# SPDX-License-Identifier: Apache-2.0
"""Placement groups in Ray's words: made, waited for, used, found, removed."""

import time

import pytest
import ray
from ray.util import (
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
    state,
)
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote(num_cpus=1)
def current():
    return get_current_placement_group()


@ray.remote(num_cpus=1)
def child_of_a_task():
    return ray.get(current.options(num_cpus=0).remote())


@ray.remote(num_cpus=1)
class Worker:
    def current(self):
        return get_current_placement_group()

    def child(self):
        return ray.get(current.options(num_cpus=0).remote())

    def sleep(self, seconds):
        time.sleep(seconds)


@ray.remote(num_cpus=1, max_retries=0)
def sleep(seconds):
    time.sleep(seconds)


@pytest.fixture
def group():
    made = placement_group([{"CPU": 1}, {"CPU": 1}])
    assert made.wait(10)
    yield made
    remove_placement_group(made)


def inside(group, index=-1, capture=None):
    return PlacementGroupSchedulingStrategy(group, index, capture)


def test_the_function_keeps_its_name_beside_its_module():
    import ray.util.placement_group as same

    assert ray.util.placement_group is placement_group
    assert same is placement_group


def test_a_group_gets_ready(group):
    assert ray.get(group.ready(), timeout=10) == group
    assert group.bundle_specs == [{"CPU": 1}, {"CPU": 1}]
    assert group.bundle_count == 2
    assert len({group, ray.get(ray.put(group))}) == 1


def test_what_is_reserved_is_not_for_others(group, wait_for):
    wait_for(lambda: ray.available_resources().get("CPU", 0) == 2)
    assert ray.cluster_resources()["CPU"] == 4
    rest = placement_group([{"CPU": 3}])
    assert not rest.wait(0.3)
    assert placement_group_table(rest)["state"] == "PENDING"
    remove_placement_group(rest)
    ready, _ = ray.wait([current.options(num_cpus=3).remote()], timeout=0.3)
    assert not ready


def test_tasks_run_in_the_bundles(group):
    tasks = [current.options(scheduling_strategy=inside(group, index)) for index in (0, 1, -1)]
    assert ray.get([task.remote() for task in tasks], timeout=10) == [group] * 3
    assert get_current_placement_group() is None
    assert ray.get(current.remote()) is None
    assert ray.get(current.options(placement_group=group).remote()) == group


def test_actors_live_in_the_bundles(group):
    actors = [Worker.options(scheduling_strategy=inside(group)).remote() for _ in range(2)]
    assert ray.get([actor.current.remote() for actor in actors], timeout=10) == [group] * 2
    third = Worker.options(scheduling_strategy=inside(group, 0)).remote()
    ready, _ = ray.wait([third.current.remote()], timeout=0.3)
    assert not ready, "both bundles are full"
    for actor in actors:
        ray.kill(actor)
    assert ray.get(third.current.remote(), timeout=10) == group


def test_the_context_names_the_group(group):
    @ray.remote(num_cpus=0)
    def context():
        here = ray.get_runtime_context()
        return here.get_placement_group_id(), here.should_capture_child_tasks_in_placement_group

    there = context.options(scheduling_strategy=inside(group, 0, True))
    assert ray.get(there.remote(), timeout=10) == (group.id.hex(), True)
    assert ray.get(context.remote(), timeout=10) == (None, False)


def test_children_go_where_the_strategy_says(group):
    parent = child_of_a_task.options(scheduling_strategy=inside(group, 0, True))
    assert ray.get(parent.remote(), timeout=10) == group
    parent = child_of_a_task.options(scheduling_strategy=inside(group, 0))
    assert ray.get(parent.remote(), timeout=10) is None
    actor = Worker.options(scheduling_strategy=inside(group, 1, True)).remote()
    assert ray.get(actor.child.remote(), timeout=10) == group


def test_the_table_says_how_groups_are(group):
    row = placement_group_table(group)
    assert row["placement_group_id"] == group.id.hex()
    assert row["bundles"] == {0: {"CPU": 1}, 1: {"CPU": 1}}
    assert row["strategy"] == "PACK"
    assert row["state"] == "CREATED"
    assert set(row["bundles_to_node_id"].values()) == {ray.get_runtime_context().get_node_id()}
    assert placement_group_table()[group.id.hex()]["state"] == "CREATED"
    gone = placement_group([{"CPU": 1}], strategy="SPREAD")
    remove_placement_group(gone)
    row = placement_group_table(gone)
    assert (row["state"], row["strategy"]) == ("REMOVED", "SPREAD")


def test_groups_are_listed(group):
    row = state.get_placement_group(group.id.hex())
    assert (row.state, row.is_detached) == ("CREATED", False)
    listed = state.list_placement_groups(filters=[("state", "=", "CREATED")], detail=True)
    assert [row.placement_group_id for row in listed] == [group.id.hex()]
    assert len(listed[0].bundles) == 2


def test_groups_are_found_by_name():
    made = placement_group([{"CPU": 1}], name="found", lifetime="detached")
    found = get_placement_group("found")
    assert found == made
    assert found.bundle_specs == [{"CPU": 1}]
    assert placement_group_table(found)["name"] == "found"
    remove_placement_group(made)
    with pytest.raises(ValueError, match="Failed to look up placement group"):
        get_placement_group("found")
    remove_placement_group(placement_group([{"CPU": 1}], name="found"))


def test_removal_ends_what_runs_inside(wait_for):
    group = placement_group([{"CPU": 1}, {"CPU": 1}])
    actor = Worker.options(scheduling_strategy=inside(group, 0)).remote()
    ray.get(actor.current.remote(), timeout=10)
    running = sleep.options(scheduling_strategy=inside(group, 1)).remote(100)
    waiting = sleep.options(scheduling_strategy=inside(group, 1)).remote(0)
    time.sleep(1)
    remove_placement_group(group)
    remove_placement_group(group)
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(running, timeout=10)
    with pytest.raises(ray.exceptions.TaskPlacementGroupRemoved):
        ray.get(waiting, timeout=10)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.current.remote(), timeout=10)
    wait_for(lambda: ray.available_resources().get("CPU", 0) == 4)


def test_tasks_for_a_removed_group_fail():
    group = placement_group([{"CPU": 1}])
    assert group.wait(10)
    remove_placement_group(group)
    with pytest.raises(ray.exceptions.TaskPlacementGroupRemoved):
        ray.get(current.options(scheduling_strategy=inside(group)).remote(), timeout=10)
    assert not group.wait(1)


def test_a_group_that_cannot_be_placed_waits_and_can_be_removed(wait_for):
    group = placement_group([{"CPU": 100}])
    assert not group.wait(0.2)
    ready, _ = ray.wait([group.ready()], timeout=0.2)
    assert not ready
    remove_placement_group(group)
    wait_for(lambda: placement_group_table(group)["state"] == "REMOVED")
    strict = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="STRICT_SPREAD")
    assert not strict.wait(0.2), "there is one node"
    remove_placement_group(strict)


def test_an_empty_group_is_ready():
    empty = PlacementGroup.empty()
    assert empty.is_empty
    assert ray.get(empty.ready()) == empty
    assert ray.get(current.options(scheduling_strategy=inside(None)).remote()) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bundles": {"CPU": 1}}, "must be a list"),
        ({"bundles": []}, "non-empty list"),
        ({"bundles": [{}]}, "cannot be an empty dictionary"),
        ({"bundles": [{"CPU": 0}]}, "only 0 values"),
        ({"bundles": [{"CPU": "one"}]}, "resource dictionaries"),
        ({"bundles": [1]}, "resource dictionaries"),
        ({"bundles": [{"CPU": 1}], "strategy": "ROUND"}, "Invalid placement group strategy"),
        ({"bundles": [{"CPU": 1}], "lifetime": "long"}, "lifetime"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        placement_group(**arguments)


def test_what_never_fits_is_refused(group):
    with pytest.raises(ValueError, match="cannot fit into"):
        current.options(scheduling_strategy=inside(group), num_cpus=2).remote()
    with pytest.raises(ValueError, match="cannot fit into"):
        Worker.options(scheduling_strategy=inside(group), num_gpus=1).remote()
    with pytest.raises(ValueError, match="bundle index 2 is invalid"):
        current.options(scheduling_strategy=inside(group, 2)).remote()
    with pytest.raises(ValueError, match="non-empty value"):
        get_placement_group("")
