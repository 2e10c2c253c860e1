# SPDX-License-Identifier: Apache-2.0
"""What actors hold, and what their callers hear while they restart."""

import os
import time

import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
class Plain:
    def ping(self):
        return "pong"

    def end(self):
        os._exit(1)


@ray.remote(max_restarts=1, max_task_retries=0)
class Slow:
    """Takes its time to be there again."""

    def __init__(self):
        if ray.get_runtime_context().was_current_actor_reconstructed:
            time.sleep(2)

    def ping(self):
        return "pong"


def free(name="CPU"):
    return ray.available_resources().get(name, 0)


def test_an_actor_without_resources_holds_no_cpu(wait_for):
    actors = [Plain.remote() for _ in range(6)]
    assert ray.get([actor.ping.remote() for actor in actors], timeout=20) == ["pong"] * 6
    wait_for(lambda: free() == 4)


def test_an_actor_holds_what_it_asks_for(wait_for):
    actor = Plain.options(num_cpus=2).remote()
    ray.get(actor.ping.remote(), timeout=10)
    wait_for(lambda: free() == 2)
    ray.kill(actor)
    wait_for(lambda: free() == 4)


def test_an_actor_that_asks_for_something_else_holds_a_cpu_too(wait_for):
    actor = Plain.options(resources={"unneeded": 0}).remote()
    ray.get(actor.ping.remote(), timeout=10)
    wait_for(lambda: free() == 3)
    ray.kill(actor)
    actor = Plain.options(memory=1).remote()
    ray.get(actor.ping.remote(), timeout=10)
    wait_for(lambda: free() == 4)


def test_calls_without_retries_fail_while_their_actor_restarts(wait_for):
    actor = Slow.remote()
    assert ray.get(actor.ping.remote(), timeout=10) == "pong"
    ray.kill(actor, no_restart=False)
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(actor.ping.remote(), timeout=10)

    def answers():
        try:
            return ray.get(actor.ping.remote(), timeout=10) == "pong"
        except ray.exceptions.ActorUnavailableError:
            return False

    wait_for(answers)


def test_calls_with_retries_wait_while_their_actor_restarts():
    actor = Slow.options(max_task_retries=-1).remote()
    assert ray.get(actor.ping.remote(), timeout=10) == "pong"
    ray.kill(actor, no_restart=False)
    waiting = actor.ping.remote()
    ready, _ = ray.wait([waiting], timeout=0.5)
    assert not ready
    assert ray.get(waiting, timeout=20) == "pong"


def test_a_call_under_way_fails_when_its_actor_dies():
    actor = Plain.options(max_restarts=1).remote()
    with pytest.raises(ray.exceptions.ActorUnavailableError):
        ray.get(actor.end.remote(), timeout=10)
    actor = Plain.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.end.remote(), timeout=10)
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.ping.remote(), timeout=10)
