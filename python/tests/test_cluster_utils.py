# SPDX-License-Identifier: Apache-2.0
"""Goal: several daemons on one machine are one cluster; nodes come and go."""

import time

import mobula
import numpy as np
import pytest
from mobula.cluster_utils import Cluster
from mobula.util import state
from mobula.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@pytest.fixture
def cluster(no_cluster):
    made = Cluster(initialize_head=True, connect=True, head_node_args={"num_cpus": 1})
    yield made
    made.shutdown()


@mobula.remote
def where():
    return mobula.get_runtime_context().get_node_id()


def test_nodes_join_run_tasks_and_leave(cluster):
    second = cluster.add_node(num_cpus=2, resources={"special": 1})
    cluster.wait_for_nodes()
    assert mobula.cluster_resources()["CPU"] == 3
    assert mobula.get(where.options(resources={"special": 1}).remote()) == second.node_id
    affinity = NodeAffinitySchedulingStrategy(second.node_id, soft=False)
    assert mobula.get(where.options(scheduling_strategy=affinity).remote()) == second.node_id
    cluster.remove_node(second, allow_graceful=True)
    cluster.wait_for_nodes()
    assert mobula.cluster_resources()["CPU"] == 1
    assert sorted(node["state"] for node in state.list_nodes()) == ["ALIVE", "DEAD"]


def test_lost_results_are_made_again(cluster):
    second = cluster.add_node(num_cpus=1, resources={"special": 1})
    cluster.wait_for_nodes()

    @mobula.remote(resources={"special": 0.1})
    def make(seed):
        return np.full(500_000, seed)

    reference = make.remote(7)
    mobula.wait([reference], fetch_local=False)
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=1, resources={"special": 1})
    assert mobula.get(reference, timeout=60)[0] == 7


def test_an_actor_moves_when_its_node_dies(cluster):
    second = cluster.add_node(num_cpus=1, resources={"special": 1})
    cluster.wait_for_nodes()

    @mobula.remote(max_restarts=1, max_task_retries=5, resources={"special": 0.1})
    class Where:
        def node(self):
            return mobula.get_runtime_context().get_node_id()

    actor = Where.remote()
    assert mobula.get(actor.node.remote()) == second.node_id
    third = cluster.add_node(num_cpus=1, resources={"special": 1})
    cluster.remove_node(second, allow_graceful=False)
    assert mobula.get(actor.node.remote(), timeout=60) == third.node_id
    [described] = state.list_actors()
    assert (described["state"], described["num_restarts"]) == ("ALIVE", 1)


def test_a_detached_actor_outlives_its_driver(cluster, program):
    code, out, err = program(
        f"""
        import mobula
        mobula.init(address={cluster.address!r}, namespace="shared")

        @mobula.remote(lifetime="detached", name="lasting", num_cpus=0)
        class Lasting:
            def __init__(self):
                self.values = []

            def add(self, value):
                self.values.append(value)
                return self.values

        @mobula.remote(name="fleeting", num_cpus=0)
        class Fleeting:
            pass

        fleeting = Fleeting.remote()
        print(mobula.get(Lasting.remote().add.remote(1)))
        """
    )
    assert (code, out) == (0, "[1]\n"), err
    actor = mobula.get_actor("lasting", namespace="shared")
    assert mobula.get(actor.add.remote(2), timeout=10) == [1, 2]
    with pytest.raises(ValueError, match="fleeting"):
        mobula.get_actor("fleeting", namespace="shared")


def test_the_head_goes_last(cluster):
    second = cluster.add_node()
    with pytest.raises(ValueError, match="head"):
        cluster.remove_node(cluster.head_node)
    cluster.remove_node(second)
    with pytest.raises(ValueError, match="not of this cluster"):
        cluster.remove_node(second)
    with pytest.raises(ValueError, match="unknown option cpus"):
        cluster.add_node(cpus=1)


def test_objects_are_listed_while_there_are_references(cluster):
    reference = mobula.put(np.zeros(100_000))
    assert reference.hex() in {one["object_id"] for one in state.list_objects()}
    del reference
    time.sleep(0.1)
    assert state.list_objects() == []
