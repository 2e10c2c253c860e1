# SPDX-License-Identifier: Apache-2.0
"""What a driver is told of failures without asking for a result."""

import os
import time

import pytest
import ray
from ray._private import ray_constants
from ray._private.test_utils import get_error_message, init_error_pubsub
from ray.util.state import list_tasks

SECONDS = 5


def one(subscriber, error_type):
    (error,) = get_error_message(subscriber, 1, error_type, SECONDS)
    assert error["type"] == error_type
    return error["error_message"]


@pytest.fixture
def told(ray_start_regular):
    subscriber = init_error_pubsub()
    yield subscriber
    subscriber.close()


@ray.remote
class Actor:
    def __init__(self, fails=False):
        if fails:
            raise ValueError("raised in the constructor")

    def fail(self):
        raise ValueError("raised in a method")

    def ping(self):
        return os.getpid()

    def rest(self):
        time.sleep(100)


def test_an_exception_of_a_call_that_nobody_asks_for(told):
    actor = Actor.remote()
    actor.fail.remote()
    assert "raised in a method" in one(told, ray_constants.TASK_PUSH_ERROR)


def test_an_exception_of_a_constructor(told):
    actor = Actor.remote(fails=True)
    assert "raised in the constructor" in one(told, ray_constants.TASK_PUSH_ERROR)
    with pytest.raises(ray.exceptions.RayActorError, match="raised in the constructor"):
        ray.get(actor.ping.remote())


def test_the_end_of_a_worker_that_ran_a_task(told):
    @ray.remote(max_retries=0)
    def leave():
        os._exit(1)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(leave.remote())
    words = "died or was killed while executing"
    assert words in one(told, ray_constants.WORKER_DIED_PUSH_ERROR)


def test_nothing_of_an_actor_that_leaves_or_goes_out_of_scope(told):
    actor = Actor.remote()
    ray.get(actor.ping.remote())
    actor = Actor.remote()
    actor.__ray_terminate__.remote()
    assert get_error_message(told, 1, timeout=1) == []


def test_the_death_of_a_node_but_not_its_departure(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=0)
    ray.init(address=cluster.address)
    told = init_error_pubsub()
    leaving, dying = cluster.add_node(num_cpus=0), cluster.add_node(num_cpus=0)
    cluster.remove_node(leaving, allow_graceful=True)
    assert get_error_message(told, 1, ray_constants.REMOVED_NODE_ERROR, 1) == []
    name = dying.node_id
    cluster.remove_node(dying, allow_graceful=False)
    (error,) = get_error_message(told, 1, ray_constants.REMOVED_NODE_ERROR, 20)
    assert error["error_message"].split(" ")[5] == name


def test_code_that_is_large(told):
    captured = bytes(2 * ray_constants.FUNCTION_SIZE_WARN_THRESHOLD)

    @ray.remote
    def use():
        return len(captured)

    reference = use.remote()
    assert "use" in one(told, ray_constants.PICKLING_LARGE_OBJECT_PUSH_ERROR)
    assert ray.get(reference) == len(captured)


def test_a_failed_task_is_listed(ray_start_regular, wait_for):
    @ray.remote(max_retries=0)
    def fail():
        raise ValueError("on purpose")

    @ray.remote(max_retries=0)
    def leave():
        os._exit(1)

    for function in (fail, leave):
        with pytest.raises(ray.exceptions.RayError):
            ray.get(function.remote())
    for name, error_type in (("fail", "TASK_EXECUTION_EXCEPTION"), ("leave", "WORKER_DIED")):
        wait_for(lambda name=name: len(list_tasks(filters=[("name", "=", name)])) == 1)
        (task,) = list_tasks(filters=[("name", "=", name)], detail=True)
        assert (task.state, task.error_type) == ("FAILED", error_type)
    assert "on purpose" in list_tasks(filters=[("name", "=", "fail")], detail=True)[0].error_message
