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
