# SPDX-License-Identifier: Apache-2.0
"""What programs take from ray.util: work for a set of actors, queues, what there is."""

import os
import time

import pytest
import ray
from ray.util import ActorPool, state
from ray.util.queue import Empty, Full, Queue

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote(num_cpus=0)
class Worker:
    def double(self, x):
        if x < 0:
            raise ValueError("below zero")
        return 2 * x

    def sleep(self, seconds):
        time.sleep(seconds)
        return seconds


def double(actor, value):
    return actor.double.remote(value)


def sleep(actor, value):
    return actor.sleep.remote(value)


@pytest.fixture
def pool():
    return ActorPool([Worker.remote() for _ in range(2)])


def test_a_pool_answers_in_order(pool):
    assert list(pool.map(double, range(10))) == list(range(0, 20, 2))
    assert sorted(pool.map_unordered(double, range(10))) == list(range(0, 20, 2))
    assert not pool.has_next()
    with pytest.raises(StopIteration):
        pool.get_next()


def test_a_pool_answers_as_results_come(pool):
    pool.submit(sleep, 1)
    pool.submit(sleep, 0)
    assert not pool.has_free()
    pool.submit(double, 7)
    assert pool.get_next_unordered(timeout=10) == 0
    assert pool.get_next_unordered(timeout=10) == 14
    with pytest.raises(TimeoutError):
        pool.get_next_unordered(timeout=0)
    assert pool.get_next_unordered(timeout=10) == 1


def test_an_actor_works_on_after_a_failure(pool):
    for value in (-1, -1, 3):
        pool.submit(double, value)
    for _ in range(2):
        with pytest.raises(ValueError):
            pool.get_next()
    assert pool.get_next() == 6


def test_a_call_that_takes_too_long_can_be_dropped(pool):
    pool.submit(sleep, 1)
    pool.submit(double, 5)
    with pytest.raises(TimeoutError, match="Timed out waiting for result"):
        pool.get_next(timeout=0.01)
    with pytest.raises(TimeoutError, match="has been ignored"):
        pool.get_next(timeout=0.01, ignore_if_timedout=True)
    assert pool.get_next(timeout=10) == 10
    assert not pool.has_next()
    pool.submit(sleep, 0.5)
    with pytest.raises(TimeoutError, match="has been ignored"):
        pool.get_next_unordered(timeout=0.01, ignore_if_timedout=True)
    assert pool.has_free()


def test_a_dead_actor_leaves_the_pool(pool):
    ray.kill(pool.pop_idle())
    assert pool.has_free()
    lost = Worker.remote()
    ray.kill(lost)
    pool.push(lost)
    for value in range(2):
        pool.submit(double, value)
    results = []
    while pool.has_next():
        try:
            results.append(pool.get_next_unordered(timeout=10))
        except ray.exceptions.ActorDiedError:
            results.append("dead")
    assert "dead" in results
    assert list(pool.map(double, [1, 2, 3])) == [2, 4, 6]


def test_actors_enter_and_leave_a_pool():
    first, second = Worker.remote(), Worker.remote()
    pool = ActorPool([first])
    assert pool.pop_idle() == first
    assert pool.pop_idle() is None
    pool.submit(double, 1)
    pool.push(second)
    with pytest.raises(ValueError):
        pool.push(second)
    assert pool.get_next() == 2


def test_a_queue_keeps_order_and_its_bound():
    queue = Queue(maxsize=2, actor_options={"num_cpus": 0})
    queue.put(1)
    queue.put_nowait(2)
    assert queue.full()
    assert len(queue) == 2
    with pytest.raises(Full):
        queue.put(3, timeout=0.1)
    with pytest.raises(Full):
        queue.put_nowait_batch([3])
    assert [queue.get(), queue.get_nowait()] == [1, 2]
    assert queue.empty()
    with pytest.raises(Empty):
        queue.get(timeout=0.1)
    with pytest.raises(Empty):
        queue.get(block=False)
    with pytest.raises(ValueError):
        queue.get(timeout=-1)
    actor = queue.actor
    queue.shutdown()
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.__ray_ready__.remote())


def test_queues_refuse_nonsense():
    queue = Queue(actor_options={"num_cpus": 0})
    with pytest.raises(TypeError, match="'items' must be an Iterable"):
        queue.put_nowait_batch(5)
    with pytest.raises(TypeError, match="'num_items' must be an int"):
        queue.get_nowait_batch("two")
    with pytest.raises(ValueError, match="'num_items' must be nonnegative"):
        queue.get_nowait_batch(-1)
    for call in (lambda: queue.get(timeout=-1), lambda: queue.put(1, timeout=-1)):
        with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
            call()
    assert queue.get_nowait_batch(0) == []


def test_tasks_share_a_queue():
    queue = Queue(actor_options={"num_cpus": 0})

    @ray.remote
    def produce(queue, values):
        queue.put_nowait_batch(values)

    @ray.remote
    def consume(queue, count):
        return [queue.get(timeout=10) for _ in range(count)]

    taken = [consume.remote(queue, 5) for _ in range(2)]
    ray.get([produce.remote(queue, list(range(5 * i, 5 * i + 5))) for i in range(2)])
    assert sorted(one for values in ray.get(taken) for one in values) == list(range(10))


def test_coroutines_share_a_queue():
    queue = Queue(maxsize=1, actor_options={"num_cpus": 0})

    @ray.remote(num_cpus=0)
    class Producer:
        async def run(self, queue):
            for i in range(5):
                await queue.put_async(i)

    @ray.remote(num_cpus=0)
    class Consumer:
        async def run(self, queue):
            return [await queue.get_async() for _ in range(5)]

    producing = Producer.remote().run.remote(queue)
    assert ray.get(Consumer.remote().run.remote(queue), timeout=10) == list(range(5))
    ray.get(producing)


def test_lists_can_be_filtered_and_read_by_attribute():
    @ray.remote(num_cpus=0)
    class Named:
        def ping(self):
            return 1

    first, second = (Named.options(name=name).remote() for name in ("first", "second"))
    ray.get([first.ping.remote(), second.ping.remote()])
    [view] = state.list_actors(filters=[("name", "=", "first"), ("state", "=", "ALIVE")])
    assert view.actor_id == view["actor_id"] == first._actor_id.hex()
    assert state.get_actor(view.actor_id).class_name.endswith("Named")
    assert state.get_actor("ff" * 16) is None
    others = state.list_actors(filters=[("name", "!=", "first")], detail=True)
    assert second._actor_id.hex() in {one.actor_id for one in others}
    assert len(state.list_actors(limit=1)) == 1
    node = ray.get_runtime_context().get_node_id()
    assert state.get_node(node).state == "ALIVE"
    with pytest.raises(AttributeError):
        _ = view.absent
    for wrong in [("absent", "=", 1), ("name", "<", 1)]:
        with pytest.raises(ValueError):
            state.list_actors(filters=[wrong])


def test_single_things_and_summaries():
    @ray.remote(num_cpus=0)
    class Counted:
        def ping(self):
            return 1

    @ray.remote
    def endless():
        time.sleep(600)

    actors = [Counted.remote() for _ in range(2)]
    ray.get([actor.ping.remote() for actor in actors])
    job = ray.get_runtime_context().get_job_id()
    assert state.get_job(job).job_id == job
    assert state.get_job("ff") is None
    running = endless.remote()
    task = running.task_id().hex()
    assert state.get_task(task).task_id == task
    assert state.get_task("ff" * 16) is None
    kept = ray.put(1)
    [known] = state.get_objects(kept.hex())
    assert known.object_id == kept.hex()
    assert state.get_objects("ff" * 20) == []
    by_class = state.summarize_actors()["cluster"]["summary"]
    counted = [counts for name, counts in by_class.items() if name.endswith("Counted")]
    assert [one["state_counts"] for one in counted] == [{"ALIVE": 2}]
    tasks = state.summarize_tasks()["cluster"]
    assert any(name.endswith("endless") for name in tasks["summary"])
    assert state.summarize_objects()["cluster"]["total_objects"] >= 1
    ray.cancel(running, force=True)


@pytest.mark.filterwarnings("ignore:Use get_:DeprecationWarning")
def test_where_a_call_of_an_actor_runs():
    @ray.remote(num_cpus=1)
    class Holder:
        def context(self):
            context = ray.get_runtime_context()
            return context.get_assigned_resources(), context.get_task_function_name()

    resources, name = ray.get(Holder.remote().context.remote())
    assert resources.get("CPU") == 1
    assert name.endswith("context")
    context = ray.get_runtime_context()
    assert context.job_id.hex() == context.get_job_id()
    assert context.node_id.hex() == context.get_node_id()
    assert context.get()["job_id"] == context.job_id


def test_a_runtime_environment_can_be_an_object():
    env = ray.runtime_env.RuntimeEnv(env_vars={"COLOUR": "blue"})

    @ray.remote(runtime_env=env)
    def colour():
        return os.environ["COLOUR"]

    assert ray.get(colour.remote()) == "blue"
    assert env.to_dict() == {"env_vars": {"COLOUR": "blue"}}
    assert env.env_vars() == {"COLOUR": "blue"}
    assert ray.runtime_env.RuntimeEnv.deserialize(env.serialize()) == env
    for wrong in ({"env_vars": {"A": 1}}, {"env_vars": 5}):
        with pytest.raises((TypeError, ValueError)):
            ray.runtime_env.RuntimeEnv(**wrong)
