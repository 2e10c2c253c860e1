# SPDX-License-Identifier: Apache-2.0
"""Recovery, promise by promise: what is run or made again, and which error comes otherwise."""

import os
import signal
import time

import numpy as np
import pytest
import ray
from ray._private.test_utils import SignalActor, wait_for_condition, wait_for_pid_to_exit

LARGE = 300_000


@pytest.fixture
def four_cpus():
    """A cluster for the test alone: others here make clusters of their own."""
    yield ray.init(num_cpus=4)
    ray.shutdown()


@ray.remote
def make(value):
    return np.full(LARGE, value)


@ray.remote
def double(array):
    return array * 2


@ray.remote
def first_of(array):
    return float(array[0])


@ray.remote(num_cpus=0)
def read_later(references, depth):
    """Reads what is `depth` tasks away from its owner."""
    if depth:
        return ray.get(read_later.remote(references, depth - 1))
    time.sleep(1.5)
    return float(ray.get(references[0])[0])


@ray.remote(num_cpus=0)
class Counter:
    def __init__(self):
        self.count = 0

    def add(self):
        self.count += 1
        return self.count


@ray.remote(num_cpus=0)
class Owner:
    """Owns what it makes."""

    def pid(self):
        return os.getpid()

    def put(self, value):
        return [ray.put(value)]

    def never(self):
        return [read_later.options(name="never").remote([SignalActor.remote().wait.remote()], 0)]

    def actor(self, lifetime):
        return Counter.options(lifetime=lifetime).remote()


def start(cluster, **settings):
    """A head without CPUs, with this program as its driver."""
    cluster.add_node(num_cpus=0, _system_config=settings or None)
    ray.init(address=cluster.address)


def add_node(cluster, **options):
    node = cluster.add_node(**{"num_cpus": 1, "resources": {"away": 2}, **options})
    cluster.wait_for_nodes()
    return node


def replace(cluster, node):
    """The node crashes, and one like it joins."""
    cluster.remove_node(node, allow_graceful=False)
    return add_node(cluster)


def is_there(*references):
    ray.wait(list(references), num_returns=len(references), fetch_local=False)


# ---- Tasks


def test_a_task_that_may_not_be_retried_runs_once(four_cpus):
    counter = Counter.remote()

    @ray.remote(max_retries=0)
    def die(counter):
        ray.get(counter.add.remote())
        os._exit(1)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.remote(counter))
    assert ray.get(counter.add.remote()) == 2


def test_a_task_may_be_retried_without_end(four_cpus):
    counter = Counter.remote()

    @ray.remote(max_retries=-1)
    def live_at_last(counter):
        count = ray.get(counter.add.remote())
        if count < 6:
            os._exit(1)
        return count

    assert ray.get(live_at_last.remote(counter)) == 6


def test_the_environment_sets_the_usual_retries(four_cpus, monkeypatch):
    monkeypatch.setenv("RAY_TASK_MAX_RETRIES", "1")
    counter = Counter.remote()

    @ray.remote
    def die(counter):
        ray.get(counter.add.remote())
        os._exit(1)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.remote(counter))
    assert ray.get(counter.add.remote()) == 3


@pytest.mark.parametrize(
    "retry, expected", [(False, 1), (True, 4), ([ValueError], 4), ([KeyError], 1)]
)
def test_exceptions_are_retried_where_the_program_says_so(four_cpus, retry, expected):
    counter = Counter.remote()

    @ray.remote(retry_exceptions=retry)
    def fail(counter):
        ray.get(counter.add.remote())
        raise ValueError("no")

    with pytest.raises(ValueError):
        ray.get(fail.remote(counter))
    assert ray.get(counter.add.remote()) == expected + 1


def test_a_cancelled_task_is_not_retried(four_cpus):
    counter = Counter.remote()

    @ray.remote(max_retries=-1)
    def hang(counter):
        ray.get(counter.add.remote())
        time.sleep(1000)

    reference = hang.remote(counter)
    wait_for_condition(lambda: ray.get(counter.add.remote()) > 1)
    ray.cancel(reference, force=True)
    with pytest.raises((ray.exceptions.TaskCancelledError, ray.exceptions.WorkerCrashedError)):
        ray.get(reference, timeout=20)
    before = ray.get(counter.add.remote())
    time.sleep(0.5)
    assert ray.get(counter.add.remote()) == before + 1


def test_cancelling_what_is_done_changes_nothing(four_cpus):
    reference = make.remote(1)
    is_there(reference)
    ray.cancel(reference)
    assert ray.get(reference)[0] == 1


# ---- Objects


def test_lineage_is_followed_through_lost_arguments(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.remote(1)
    for _ in range(5):
        reference = double.remote(reference)
    is_there(reference)
    node = replace(cluster, node)
    assert ray.get(reference, timeout=60)[0] == 32
    replace(cluster, node)
    assert ray.get(first_of.remote(reference), timeout=60) == 32


def test_another_copy_is_used_before_anything_is_run_again(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(max_retries=0).remote(3)
    assert ray.get(reference)[0] == 3
    cluster.remove_node(node, allow_graceful=False)
    assert ray.get(reference, timeout=30)[0] == 3


def test_borrowers_of_borrowers_read_what_is_made_again(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(resources={"away": 1}).remote(5)
    is_there(reference)
    readers = [read_later.remote([reference], depth) for depth in (0, 1, 2)]
    del reference
    time.sleep(0.5)
    replace(cluster, node)
    assert ray.get(readers, timeout=60) == [5, 5, 5]


def test_a_reference_in_a_lost_object_is_followed(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)

    @ray.remote
    def box(references):
        return [references, np.zeros(LARGE)]

    boxed = box.remote([make.remote(7)])
    is_there(boxed)
    replace(cluster, node)
    (inner,), _ = ray.get(boxed, timeout=60)
    assert ray.get(inner, timeout=60)[0] == 7


def test_a_result_is_made_again_where_a_copy_of_another_one_is(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster, resources={"there": 1})

    @ray.remote(num_returns=2)
    def two():
        return np.full(LARGE, 1), np.full(LARGE, 2)

    one, other = two.remote()
    is_there(one, other)
    add_node(cluster, resources={"here": 1})
    assert ray.get(first_of.options(resources={"here": 1}).remote(one), timeout=60) == 1
    cluster.remove_node(node, allow_graceful=False)
    assert ray.get(first_of.remote(other), timeout=60) == 2
    assert ray.get(first_of.remote(one), timeout=60) == 1


def test_what_may_not_run_again_is_lost(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(max_retries=0).remote(1)
    is_there(reference)
    cluster.remove_node(node, allow_graceful=False)
    with pytest.raises(ray.exceptions.ObjectReconstructionFailedError):
        ray.get(reference, timeout=30)


def test_dependents_of_what_is_lost_fail_as_tasks_do(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(max_retries=0).remote(1)
    is_there(reference)
    replace(cluster, node)
    with pytest.raises(ray.exceptions.RayTaskError) as raised:
        ray.get(first_of.remote(reference), timeout=30)
    assert isinstance(raised.value, ray.exceptions.ObjectLostError)
    assert isinstance(raised.value.cause, ray.exceptions.ObjectReconstructionFailedError)
    assert "max_retries" in str(raised.value)


def test_the_number_of_attempts_is_the_limit(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(max_retries=1).remote(1)
    is_there(reference)
    node = replace(cluster, node)
    assert ray.get(first_of.remote(reference), timeout=60) == 1
    replace(cluster, node)
    with pytest.raises(ray.exceptions.ObjectReconstructionFailedMaxAttemptsExceededError):
        ray.get(reference, timeout=30)


def test_evicted_lineage_has_its_own_error(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster, max_lineage_bytes=1)
    node = add_node(cluster)
    reference = make.remote(1)
    is_there(reference)
    replace(cluster, node)
    with pytest.raises(ray.exceptions.ObjectReconstructionFailedLineageEvictedError):
        ray.get(reference, timeout=30)


def test_a_job_may_do_without_lineage(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster, lineage_pinning_enabled=False)
    node = add_node(cluster)
    reference = make.remote(1)
    is_there(reference)
    replace(cluster, node)
    with pytest.raises(ray.exceptions.ObjectLostError, match="no lineage"):
        ray.get(reference, timeout=30)


# ---- Owners


def test_an_owners_death_ends_every_wait(four_cpus):
    owner = Owner.remote()
    (never,) = ray.get(owner.never.remote())
    (put,) = ray.get(owner.put.remote(1))
    dependents = [first_of.remote(never), read_later.remote([never], 1)]
    os.kill(ray.get(owner.pid.remote()), signal.SIGKILL)
    for reference in (never, put):
        with pytest.raises(ray.exceptions.OwnerDiedError):
            ray.get(reference, timeout=20)
    with pytest.raises(ray.exceptions.OwnerDiedError):
        ray.get(dependents[0], timeout=20)
    with pytest.raises(ray.exceptions.RayTaskError):
        ray.get(dependents[1], timeout=20)
    with pytest.raises(ray.exceptions.OwnerDiedError):
        ray.get(first_of.remote(put), timeout=20)
    assert ray.wait([never], timeout=20)[0] == [never]


def test_an_actor_dies_with_its_owner_unless_it_is_detached(four_cpus):
    owner = Owner.remote()
    mortal, detached = ray.get([owner.actor.remote(None), owner.actor.remote("detached")])
    assert ray.get([mortal.add.remote(), detached.add.remote()]) == [1, 1]
    os.kill(ray.get(owner.pid.remote()), signal.SIGKILL)
    with pytest.raises(ray.exceptions.ActorDiedError):
        for _ in range(100):
            ray.get(mortal.add.remote(), timeout=20)
            time.sleep(0.05)
    assert ray.get(detached.add.remote()) == 2
    ray.kill(detached)


# ---- Actors


@ray.remote(max_restarts=-1, max_task_retries=-1)
class Log:
    """Remembers its calls."""

    def __init__(self):
        self.lines = []

    def pid(self):
        return os.getpid()

    def append(self, line):
        self.lines.append(line)
        return list(self.lines)

    def large(self, value):
        return np.full(LARGE, value)


def test_calls_stay_in_order_over_a_restart(four_cpus):
    log = Log.options(num_cpus=0).remote()
    pid = ray.get(log.pid.remote())
    calls = [log.append.remote(line) for line in range(300)]
    os.kill(pid, signal.SIGKILL)
    calls += [log.append.remote(line) for line in range(300, 400)]
    for lines in ray.get(calls, timeout=60):
        assert lines == list(range(lines[0], lines[-1] + 1))


def test_results_of_actors_are_made_again(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    log = Log.options(num_cpus=0, resources={"away": 1}).remote()
    reference = log.large.remote(4)
    is_there(reference)
    for _ in range(2):
        node = replace(cluster, node)
        assert ray.get(first_of.remote(reference), timeout=60) == 4


@ray.remote(max_restarts=-1, resources={"away": 2})
class Holder:
    """Needs a large object to be there, and all of the resource that makes it."""

    def __init__(self, array):
        self.value = float(array[0])

    def get(self):
        return self.value

    def take(self, array):
        return float(array[0])


def test_an_actor_does_not_hold_what_making_its_argument_needs(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(resources={"away": 2}).remote(6)
    holder = Holder.remote(reference)
    assert ray.get(holder.get.remote()) == 6
    replace(cluster, node)

    def answers():
        try:
            return ray.get(holder.get.remote(), timeout=60) == 6
        except ray.exceptions.RayActorError as error:
            assert not error.actor_init_failed
            return False

    wait_for_condition(answers, timeout=60)


def test_an_actor_is_dead_when_its_argument_cannot_be_made_again(ray_start_cluster):
    cluster = ray_start_cluster
    start(cluster)
    node = add_node(cluster)
    reference = make.options(resources={"away": 2}, max_retries=0).remote(6)
    holder = Holder.remote(reference)
    assert ray.get(holder.get.remote()) == 6
    replace(cluster, node)

    def is_dead():
        try:
            ray.get(holder.get.remote(), timeout=60)
        except ray.exceptions.RayActorError as error:
            return error.actor_init_failed
        return False

    wait_for_condition(is_dead, timeout=60)
    # That the actor is dead counts more than what the call itself lacks.
    with pytest.raises(ray.exceptions.RayActorError, match="arguments"):
        ray.get(holder.take.remote(reference), timeout=30)


@ray.remote(max_restarts=1, max_task_retries=1, num_cpus=0)
class Unreliable:
    @ray.method(max_task_retries=4, retry_exceptions=[ValueError])
    def fail(self, counter, error):
        if ray.get(counter.add.remote()) < 4:
            raise error
        return "done"

    def die(self, counter):
        ray.get(counter.add.remote())
        os._exit(1)


def test_a_methods_retries_count_for_its_calls(four_cpus):
    actor = Unreliable.remote()
    counter = Counter.remote()
    assert ray.get(actor.fail.remote(counter, ValueError())) == "done"
    with pytest.raises(KeyError):
        ray.get(actor.fail.remote(Counter.remote(), KeyError()))
    few = actor.fail.options(max_task_retries=2)
    with pytest.raises(ValueError):
        ray.get(few.remote(Counter.remote(), ValueError()))
    with pytest.raises(ValueError):
        never = actor.fail.options(retry_exceptions=False)
        ray.get(never.remote(Counter.remote(), ValueError()))
    counter = Counter.remote()
    with pytest.raises(ray.exceptions.ActorDiedError):
        ray.get(actor.die.remote(counter))
    assert ray.get(counter.add.remote()) == 3


def test_a_retried_task_calls_the_same_actor(four_cpus):
    counter = Counter.remote()

    @ray.remote(max_retries=5)
    def third_time(counter):
        if ray.get(counter.add.remote()) < 3:
            os._exit(0)
        return "done"

    assert ray.get(third_time.remote(counter)) == "done"


def test_a_killed_process_is_gone(four_cpus):
    owner = Owner.remote()
    pid = ray.get(owner.pid.remote())
    ray.kill(owner)
    wait_for_pid_to_exit(pid)
