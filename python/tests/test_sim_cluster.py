# SPDX-License-Identifier: Apache-2.0
"""mobula.sim.Cluster: a simulated cluster inside a `with` statement."""

import asyncio
import os
import random
import threading
import time

import mobula
import pytest
from mobula import sim
from mobula.cluster_utils import Cluster as ClusterOfProgram
from mobula.faults import At, CrashNode, Plan


@mobula.remote
def square(x):
    time.sleep(1)
    return x * x


def squares_while_nodes_die(seed):
    with sim.Cluster(nodes=3, cpus=2, seed=seed, check_invariants=True) as cluster:
        results = [square.remote(x) for x in range(8)]
        cluster.advance(0.5)
        cluster.crash("n2")
        assert mobula.get(results) == [x * x for x in range(8)]
        cluster.restart("n2")
        cluster.partition(["n3"])
        more = [square.remote(x) for x in range(8)]
        cluster.advance(30)
        cluster.heal()
        assert mobula.get(more) == [x * x for x in range(8)]
    return cluster


def test_nodes_crash_restart_and_are_parted_on_command():
    cluster = squares_while_nodes_die(seed=7)
    report = cluster.report
    assert report["node_crashes"] == 1
    assert "n2 crashed" in report["text"] and "n2 restarts" in report["text"]
    assert report["tasks_retried"] > 0


def test_a_seed_repeats_and_another_differs():
    first, again, other = (squares_while_nodes_die(seed).trace_hash for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_time_is_virtual_inside_and_real_again_afterwards():
    before = time.monotonic()
    names = {"sleep": time.sleep, "lock": threading.Lock, "urandom": os.urandom}
    with sim.Cluster() as cluster:
        start = time.time()
        time.sleep(10_000)
        thread = threading.Thread(target=time.sleep, args=(3,))
        thread.start()
        thread.join()
        asyncio.run(asyncio.sleep(2))
        assert 10_005 <= time.time() - start <= 10_006
        assert cluster.now == pytest.approx(10_005, abs=0.1)
        drawn = random.random()
    assert names == {"sleep": time.sleep, "lock": threading.Lock, "urandom": os.urandom}
    assert time.monotonic() - before < 60
    with sim.Cluster():
        assert random.random() == drawn
    done = threading.Event()
    threading.Thread(target=done.set).start()
    assert done.wait(10)
    assert asyncio.run(asyncio.sleep(0, "real")) == "real"


def test_an_error_leaves_the_simulation_in_order():
    with pytest.raises(LookupError), sim.Cluster():
        mobula.get(square.remote(2))
        raise LookupError
    assert not mobula.is_initialized()
    with sim.Cluster():
        assert mobula.get(square.remote(3)) == 9


def test_a_wait_that_cannot_end_raises():
    with sim.Cluster() as cluster:
        with pytest.raises(sim.DeadlockError, match="waiting for a lease"):
            mobula.get(square.options(num_cpus=1000).remote(1))
        assert cluster.now > 1
        assert mobula.get(square.remote(2)) == 4


def test_code_inside_can_find_its_cluster():
    with pytest.raises(RuntimeError, match=r"mobula\.sim\.Cluster"):
        sim.current_cluster()
    with sim.Cluster(nodes=2) as cluster:
        sim.current_cluster().crash("n2")
        assert cluster.report["node_crashes"] == 1
        with pytest.raises(RuntimeError, match="already"), sim.Cluster():
            pass


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"nodes": 0}, "at least one node"),
        ({"crash": ["n9@1s"]}, "n9"),
        ({"latency": "soon"}, "expected a time"),
    ],
)
def test_wrong_options_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        sim.Cluster(**options)


def test_wrong_nodes_are_refused():
    with sim.Cluster(nodes=2) as cluster:
        with pytest.raises(ValueError, match="n7"):
            cluster.crash("n7")
        with pytest.raises(ValueError, match="n1"):
            cluster.crash("n1")


def test_code_that_spins_is_told_where_it_spins():
    def spin():
        while True:
            pass

    start = time.monotonic()
    with sim.Cluster(watchdog_s=0.4), pytest.raises(sim.SpinningError, match="without waiting"):
        spin()
    with sim.Cluster(watchdog_s=0.4):
        with pytest.raises(sim.SpinningError, match="Worker"):
            mobula.get(mobula.remote(spin).remote())
        assert mobula.get(square.remote(3)) == 9
    assert 0.4 < time.monotonic() - start < 20


def test_a_fault_can_name_nodes_by_their_label():
    def racks(nodes):
        return sorted(node["Labels"].get("rack", "") for node in nodes)

    labels = ["n2:rack=r1", "n3:rack=r1", "n4:rack=r2"]
    with sim.Cluster(nodes=4, label=labels) as cluster:
        mobula.init()
        assert racks(mobula.nodes()) == ["", "r1", "r1", "r2"]
        cluster.inject(CrashNode(node="rack=r1"))
        cluster.advance(30)
        assert racks(node for node in mobula.nodes() if node["Alive"]) == ["", "r2"]
    with pytest.raises(ValueError, match="rack"):
        sim.Cluster(label=["rack"])


def test_a_program_that_builds_its_cluster_gets_the_nodes_that_a_plan_names():
    plan = Plan([At(20).then(CrashNode(node="n2"))])
    with sim.Cluster(nodes=3, faults=plan):
        built = ClusterOfProgram(initialize_head=True, head_node_args={"num_cpus": 1})
        mobula.init(address=built.address)
        assert len(mobula.nodes()) == 1
        added = [built.add_node(num_cpus=cpus) for cpus in (5, 6, 7)]
        built.wait_for_nodes()
        assert [node.name for node in added] == ["n2", "n3", "n4"]
        assert mobula.cluster_resources()["CPU"] == 19
        time.sleep(60)
        assert mobula.cluster_resources()["CPU"] == 14
        mobula.shutdown()
        built.shutdown()
