# SPDX-License-Identifier: Apache-2.0
"""Which error the callers of an actor get, in which words, and how an actor leaves on purpose."""

import asyncio
import atexit
import os
import signal
import time

import pytest
import ray
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    AsyncioActorExit,
    RayActorError,
    TaskCancelledError,
)


@ray.remote
class Worker:
    def pid(self):
        return os.getpid()

    def rest(self):
        time.sleep(100)

    def child(self):
        self.kept = Worker.remote()
        return self.kept


def fails(actor, words):
    with pytest.raises(ActorDiedError, match=words) as caught:
        ray.get(actor.pid.remote())
    assert caught.value.actor_id == actor._actor_id.hex()


def test_a_killed_actor(ray_start_regular):
    actor = Worker.remote()
    ray.kill(actor)
    fails(actor, "it was killed by `ray.kill")


def test_an_actor_whose_process_died(ray_start_regular):
    actor = Worker.remote()
    os.kill(ray.get(actor.pid.remote()), signal.SIGKILL)
    fails(actor, "The actor is dead because its worker process has died")


def test_an_actor_whose_owner_died(ray_start_regular, wait_for):
    owner = Worker.remote()
    actor = ray.get(owner.child.remote())
    ray.kill(owner)

    # It ends when its owner's end has been noticed.
    def is_gone():
        try:
            ray.get(actor.pid.remote())
        except ActorDiedError:
            return True
        return False

    wait_for(is_gone)
    fails(actor, "The actor is dead because its owner has died")


def test_an_actor_whose_node_died(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    node = cluster.add_node(num_cpus=1, resources={"far": 1})
    actor = Worker.options(resources={"far": 1}).remote()
    ray.get(actor.pid.remote())
    cluster.remove_node(node)
    fails(actor, "The actor died because its node has died.")


def test_a_call_in_flight_to_an_actor_that_restarts(ray_start_regular, wait_for):
    actor = Worker.options(max_restarts=1).remote()
    pid = ray.get(actor.pid.remote())
    call = actor.rest.remote()
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ActorUnavailableError, match="is unavailable") as caught:
        ray.get(call)
    assert not isinstance(caught.value, ActorDiedError)

    def is_back():
        try:
            return ray.get(actor.pid.remote()) != pid
        except ActorUnavailableError:
            return False

    wait_for(is_back)


def test_a_kill_that_lets_it_restart(ray_start_regular):
    actor = Worker.options(max_restarts=1).remote()
    # Before it lives there is nothing to kill.
    ray.kill(actor, no_restart=False)
    first = ray.get(actor.pid.remote())
    assert first > 0


def test_a_call_of_an_actor_is_not_cancelled_by_force(ray_start_regular):
    @ray.remote
    class Sleeper:
        async def rest(self):
            await asyncio.sleep(100)

    call = Sleeper.remote().rest.remote()
    with pytest.raises(ValueError, match="force=True is not supported for actor tasks"):
        ray.cancel(call, force=True)
    ray.cancel(call)
    with pytest.raises(TaskCancelledError):
        ray.get(call)


def test_a_handle_of_another_session(shutdown_only):
    ray.init(num_cpus=1)
    actor = Worker.remote()
    ray.get(actor.pid.remote())
    ray.shutdown()
    ray.init(num_cpus=1)
    with pytest.raises(ValueError, match="might be dead or it's from a different cluster"):
        ray.get(actor.pid.remote())


def test_a_name_that_is_taken(ray_start_regular):
    keep = Worker.options(name="one").remote()
    ray.get(keep.pid.remote())
    with pytest.raises(ValueError, match="already taken") as caught:
        Worker.options(name="one").remote()
    assert isinstance(caught.value, ray.exceptions.ActorAlreadyExistsError)
    with pytest.raises(ValueError, match="Failed to look up actor with name 'two'"):
        ray.get_actor("two")


@pytest.fixture
def marks(tmp_path):
    """A file that exit handlers touch, and one that nobody must touch."""
    return tmp_path / "handled", tmp_path / "went_on"


def leaver(marks, is_async):
    handled, went_on = marks

    class Leaver:
        def __init__(self):
            atexit.register(handled.touch)

        def _leave(self):
            try:
                ray.actor.exit_actor()
            except (SystemExit, AsyncioActorExit):
                pass
            else:
                went_on.touch()

    if is_async:

        class Async(Leaver):
            async def leave(self):
                ray.actor.exit_actor()
                went_on.touch()

            async def catch(self):
                self._leave()

            async def leave_behind(self, delay):
                async def later():
                    await asyncio.sleep(delay)
                    ray.actor.exit_actor()

                self.task = asyncio.create_task(later())

        return ray.remote(Async)

    class Plain(Leaver):
        def leave(self):
            ray.actor.exit_actor()
            went_on.touch()

        def catch(self):
            self._leave()

    return ray.remote(Plain)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("method", ["leave", "catch"])
def test_an_actor_leaves(ray_start_regular, wait_for, marks, is_async, method):
    actor = leaver(marks, is_async).options(max_restarts=-1).remote()
    with pytest.raises(RayActorError, match=r"exit_actor\(\)") as left:
        ray.get(getattr(actor, method).remote())
    # No error of the method's.
    assert not isinstance(left.value, ray.exceptions.RayTaskError)
    wait_for(marks[0].exists)
    with pytest.raises(RayActorError):
        ray.get(actor.leave.remote())
    assert not marks[1].exists()


def test_an_actor_leaves_by_a_coroutine_that_a_call_left_behind(ray_start_regular, wait_for, marks):
    actor = leaver(marks, True).remote()
    ray.get(actor.leave_behind.remote(0.1))
    wait_for(marks[0].exists)

    def is_gone():
        try:
            ray.get(actor.leave_behind.remote(60))
        except RayActorError:
            return True
        return False

    wait_for(is_gone)


@pytest.mark.parametrize("is_async", [False, True])
def test_an_actor_leaves_in_its_constructor(ray_start_regular, wait_for, marks, is_async):
    class Leaver:
        def __init__(self):
            atexit.register(marks[0].touch)
            ray.actor.exit_actor()
            marks[1].touch()

    if is_async:

        async def ping(self):
            pass

        Leaver.ping = ping
    actor = ray.remote(Leaver).remote()
    wait_for(marks[0].exists)
    with pytest.raises(RayActorError):
        ray.get(actor.__ray_ready__.remote())
    assert not marks[1].exists()


def test_only_an_actor_can_leave(ray_start_regular):
    with pytest.raises(TypeError, match="exit_actor API is called on a non-actor worker"):
        ray.actor.exit_actor()

    @ray.remote
    def leave():
        ray.actor.exit_actor()

    with pytest.raises(TypeError, match="exit_actor API is called on a non-actor worker"):
        ray.get(leave.remote())


def test_wrong_uses_are_told_as_ray_does(ray_start_regular):
    @ray.remote
    def function():
        return 1, 2

    reference = ray.put(1)
    for words, kind, use in (
        ("Remote functions cannot be called directly", TypeError, function),
        ("Actors cannot be instantiated directly", TypeError, Worker),
        ("ray.cancel.. only supported for object refs", TypeError, lambda: ray.cancel(1)),
        ("ray.kill.. only supported for actors", ValueError, lambda: ray.kill(reference)),
        ("Invalid type of object refs", ValueError, lambda: ray.get(1)),
        ("Attempting to call `get` on the value 1", TypeError, lambda: ray.get([1])),
        ("Calling 'put' on an ray.ObjectRef is not allowed", TypeError, lambda: ray.put(reference)),
        ("Maybe you called ray.init twice by accident", RuntimeError, ray.init),
    ):
        with pytest.raises(kind, match=words):
            use()
    with pytest.raises(ValueError, match="Task returned 2 objects, but num_returns=3"):
        ray.get(function.options(num_returns=3).remote())


def test_an_argument_that_is_an_error_is_told(ray_start_regular):
    @ray.remote(max_retries=0)
    def leave():
        os._exit(1)

    @ray.remote
    def use(value):
        return value

    words = "one of the input arguments for this task could not be computed"
    with pytest.raises(ray.exceptions.RayTaskError, match=words):
        ray.get(use.remote(leave.remote()))
