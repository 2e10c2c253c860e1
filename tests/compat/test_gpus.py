# SPDX-License-Identifier: Apache-2.0
"""Which GPUs tasks and actors have: numbers, the variable that libraries obey, names of kinds."""

import os

import pytest
import ray
from ray.util.accelerators import NVIDIA_TESLA_T4


@pytest.fixture
def two_gpus():
    yield ray.init(num_cpus=4, num_gpus=2)
    ray.shutdown()


def look():
    ids = ray.get_gpu_ids()
    assert ray.get_runtime_context().get_accelerator_ids()["GPU"] == [str(one) for one in ids]
    assert ray.get_runtime_context().get_resource_ids()["GPU"] == [str(one) for one in ids]
    return list(ids), os.environ.get("CUDA_VISIBLE_DEVICES")


@ray.remote(num_cpus=0)
class Holder:
    def look(self):
        return look()

    def look_in_a_task(self):
        return ray.get(ray.remote(num_cpus=0, num_gpus=1)(look).remote())


def test_the_driver_has_none(two_gpus):
    assert ray.get_gpu_ids() == []


def test_whole_gpus_go_to_one_holder_each(two_gpus):
    holders = [Holder.options(num_gpus=1).remote() for _ in range(2)]
    seen = ray.get([holder.look.remote() for holder in holders])
    assert sorted(seen) == [([0], "0"), ([1], "1")]
    # What an actor has stays its own.
    assert ray.get([holder.look.remote() for holder in holders]) == seen


def test_a_task_sees_its_gpus_and_another_in_the_same_worker_none(two_gpus):
    both = ray.remote(num_gpus=2)(look)
    none = ray.remote(look)
    assert ray.get(both.remote()) == ([0, 1], "0,1")
    assert ray.get([none.remote() for _ in range(4)]) == [([], "")] * 4
    assert ray.get(both.remote()) == ([0, 1], "0,1")


def test_fractions_share_a_gpu(two_gpus):
    holders = [Holder.options(num_gpus=0.5).remote() for _ in range(4)]
    seen = [ids[0] for ids, _ in ray.get([holder.look.remote() for holder in holders])]
    assert sorted(seen) == [0, 0, 1, 1]


def test_a_gpu_goes_to_the_next_when_its_holder_ends(two_gpus, wait_for):
    first = Holder.options(num_gpus=2).remote()
    assert ray.get(first.look.remote())[0] == [0, 1]
    second = Holder.options(num_gpus=1).remote()
    answer = second.look.remote()
    assert ray.wait([answer], timeout=0.2)[0] == []
    ray.kill(first)
    assert ray.get(answer)[0] == [0]
    assert ray.get(second.look_in_a_task.remote()) == ([1], "1")


def test_a_placement_groups_gpus_are_its_own(two_gpus):
    group = ray.util.placement_group([{"GPU": 1, "CPU": 1}])
    ray.get(group.ready())
    strategy = ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group)
    inside = Holder.options(num_gpus=0.5, scheduling_strategy=strategy)
    outside = Holder.options(num_gpus=1).remote()
    holders = [inside.remote(), inside.remote()]
    seen = [ids for ids, _ in ray.get([holder.look.remote() for holder in holders])]
    assert seen == [[0], [0]]
    assert ray.get(outside.look.remote())[0] == [1]


def test_a_restarted_actor_is_told_anew(two_gpus, wait_for):
    @ray.remote(num_gpus=1, max_restarts=1, max_task_retries=1)
    class Restarted:
        def __init__(self):
            self.at_start = look()

        def look(self):
            return self.at_start, look()

        def die(self):
            os._exit(1)

    actor = Restarted.remote()
    assert ray.get(actor.look.remote()) == (([0], "0"), ([0], "0"))
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.die.options(max_task_retries=0).remote())
    assert ray.get(actor.look.remote()) == (([0], "0"), ([0], "0"))


def test_a_kind_of_accelerator_can_be_asked_for(shutdown_only):
    ray.init(num_cpus=1, resources={f"accelerator_type:{NVIDIA_TESLA_T4}": 1})

    @ray.remote(accelerator_type=NVIDIA_TESLA_T4)
    def f():
        return ray.get_runtime_context().get_assigned_resources()

    assert ray.get(f.remote())["accelerator_type:T4"] == 0.001
    with pytest.raises(TypeError, match="accelerator_type"):
        f.options(accelerator_type=4)
