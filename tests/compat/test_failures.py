# SPDX-License-Identifier: Apache-2.0
"""Workers, actors and owners that die; reconstruction after a node is removed."""

import os
import signal
import time

import numpy as np
import pytest
import ray
from ray._private.test_utils import wait_for_pid_to_exit


@pytest.fixture
def four_cpus():
    yield ray.init(num_cpus=4)
    ray.shutdown()


def test_a_task_whose_worker_dies_is_retried(four_cpus, tmp_path):
    marker = tmp_path / "attempts"

    @ray.remote(max_retries=2)
    def die_twice():
        with open(marker, "a") as file:
            file.write("x")
        if marker.stat().st_size < 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return marker.stat().st_size

    assert ray.get(die_twice.remote()) == 3


def test_the_workers_of_a_daemon_end_with_it(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=0)
    node = cluster.add_node(num_cpus=1, resources={"far": 1})
    ray.init(address=cluster.address)

    @ray.remote(resources={"far": 1})
    class Actor:
        def processes(self):
            return os.getpid(), int(os.environ["RAY_RAYLET_PID"])

    actor = Actor.remote()
    worker, daemon = ray.get(actor.processes.remote())
    assert node.all_processes["raylet"][0].process.pid == daemon
    os.kill(daemon, signal.SIGKILL)
    assert os.waitpid(daemon, 0) == (daemon, signal.SIGKILL)
    wait_for_pid_to_exit(worker)
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.processes.remote())


def test_one_can_wait_for_the_end_of_a_worker(four_cpus):
    actor = Mortal.remote()
    pid = ray.get(actor.pid.remote())
    with pytest.raises(RuntimeError):
        wait_for_pid_to_exit(pid, timeout=0.5)
    os.kill(pid, signal.SIGKILL)
    wait_for_pid_to_exit(pid)


def test_worker_crashed_error_after_the_last_retry(four_cpus):
    @ray.remote(max_retries=1)
    def die():
        os._exit(1)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.remote())


def test_others_go_on_when_a_worker_dies(four_cpus):
    @ray.remote(max_retries=0)
    def die():
        os._exit(1)

    @ray.remote
    def live(i):
        time.sleep(0.05)
        return i

    refs = [live.remote(i) for i in range(20)]
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.remote())
    assert ray.get(refs) == list(range(20))


@ray.remote(num_cpus=0)
class Mortal:
    def __init__(self):
        self.calls = 0

    def call(self):
        self.calls += 1
        return self.calls

    def pid(self):
        return os.getpid()

    def die(self):
        os._exit(1)


def test_an_actor_restarts_with_fresh_state(four_cpus, wait_for):
    actor = Mortal.options(max_restarts=1, max_task_retries=-1).remote()
    assert ray.get([actor.call.remote() for _ in range(3)]) == [1, 2, 3]
    os.kill(ray.get(actor.pid.remote()), signal.SIGKILL)
    assert ray.get(actor.call.remote()) == 1
    os.kill(ray.get(actor.pid.remote()), signal.SIGKILL)
    with pytest.raises(ray.exceptions.RayActorError):
        for _ in range(100):
            ray.get(actor.call.remote())
            time.sleep(0.05)


def test_a_call_lost_with_the_actor_is_an_error(four_cpus):
    actor = Mortal.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.die.remote())
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.call.remote())


def test_the_owners_death_is_told_to_borrowers(four_cpus):
    @ray.remote(num_cpus=0)
    class Owner:
        def make(self):
            return [ray.put(np.ones(300_000)), ray.put("small")]

        def pid(self):
            return os.getpid()

    owner = Owner.remote()
    big, small = ray.get(owner.make.remote())
    os.kill(ray.get(owner.pid.remote()), signal.SIGKILL)
    time.sleep(0.5)
    for ref in (big, small):
        with pytest.raises(ray.exceptions.OwnerDiedError):
            ray.get(ref, timeout=10)


def test_an_object_larger_than_the_store_is_refused(shutdown_only):
    ray.init(num_cpus=1, object_store_memory=80 * 1024 * 1024)
    with pytest.raises(ray.exceptions.ObjectStoreFullError):
        ray.put(np.zeros(200 * 1024 * 1024, dtype=np.uint8))
    assert ray.get(ray.put(np.zeros(1024 * 1024)))[0] == 0


def test_init_twice_is_an_error(shutdown_only):
    ray.init(num_cpus=1)
    with pytest.raises(RuntimeError):
        ray.init(num_cpus=1)
    ray.init(num_cpus=1, ignore_reinit_error=True)
    assert ray.is_initialized()
    ray.shutdown()
    assert not ray.is_initialized()
    ray.init(num_cpus=2)
    assert ray.cluster_resources()["CPU"] == 2


def test_nodes_join_and_leave(ray_start_cluster, wait_for):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    second = cluster.add_node(num_cpus=2, resources={"special": 1})
    cluster.wait_for_nodes()
    assert ray.cluster_resources()["CPU"] == 3

    @ray.remote(resources={"special": 1})
    def where():
        return ray.get_runtime_context().get_node_id()

    assert ray.get(where.remote()) == second.node_id
    cluster.remove_node(second)
    wait_for(lambda: sum(node["Alive"] for node in ray.nodes()) == 1)
    assert ray.cluster_resources()["CPU"] == 1


def test_lost_objects_are_made_again(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    node = cluster.add_node(num_cpus=1, resources={"other": 1})
    cluster.wait_for_nodes()

    @ray.remote(max_retries=2, resources={"other": 0.1})
    def large(seed):
        return np.full(300_000, seed)

    @ray.remote(max_retries=2, resources={"other": 0.1})
    def double(array):
        return array * 2

    chain = double.remote(double.remote(large.remote(3)))
    ray.wait([chain], fetch_local=False)
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=1, resources={"other": 1})
    assert ray.get(chain, timeout=30)[0] == 12


def test_a_put_object_cannot_be_made_again(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    node = cluster.add_node(num_cpus=1, resources={"other": 1})
    cluster.wait_for_nodes()

    @ray.remote(max_retries=0, resources={"other": 0.1})
    def large():
        return np.ones(300_000)

    ref = large.remote()
    ray.wait([ref], fetch_local=False)
    cluster.remove_node(node, allow_graceful=False)
    with pytest.raises(ray.exceptions.ObjectLostError):
        ray.get(ref, timeout=30)


def test_large_objects_cross_nodes(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1, resources={"a": 1})
    ray.init(address=cluster.address)
    cluster.add_node(num_cpus=1, resources={"b": 1})
    cluster.wait_for_nodes()

    @ray.remote(resources={"b": 0.1})
    def total(array):
        return float(array.sum())

    @ray.remote(resources={"b": 0.1})
    def make():
        return np.arange(3_000_000)

    assert ray.get(total.remote(np.ones(4_000_000))) == 4_000_000
    np.testing.assert_array_equal(ray.get(make.remote()), np.arange(3_000_000))
