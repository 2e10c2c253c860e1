# SPDX-License-Identifier: Apache-2.0
"""`list_tasks`: tasks of all processes, in all states, those that have ended too."""

import os
import time

import pytest
import ray
from ray.util.state import (
    get_task,
    list_actors,
    list_cluster_events,
    list_objects,
    list_tasks,
    summarize_actors,
    summarize_tasks,
)


@ray.remote
def child(x):
    return x


@ray.remote
def parent():
    return ray.get(child.remote(1)), os.getpid(), ray.get_runtime_context().get_node_id()


@ray.remote
def fail():
    raise ValueError("on purpose")


@ray.remote(max_retries=1)
def leave():
    os._exit(1)


@ray.remote
def linger(path):
    while not os.path.exists(path):
        time.sleep(0.01)


@ray.remote(num_cpus=1)
class Actor:
    def call(self):
        return os.getpid()


@pytest.fixture
def states(wait_for):
    """Waits until the attempts of the tasks of a name are in these states."""

    def check(name, *wanted):
        def rows():
            return sorted(
                list_tasks(filters=[("name", "=", name)], detail=True),
                key=lambda row: row.attempt_number,
            )

        wait_for(lambda: [row.state for row in rows()] == list(wanted))
        return rows()

    return check


def test_what_has_ended_is_listed_whoever_submitted_it(ray_start_4_cpus, states):
    _, pid, node = ray.get(parent.remote())
    (row,) = states("parent", "FINISHED")
    assert (row.type, row.worker_pid, row.node_id) == ("NORMAL_TASK", pid, node)
    assert (row.func_or_class_name, row.error_type) == ("parent", None)
    assert row.start_time_ms <= row.end_time_ms
    (row,) = states("child", "FINISHED")
    assert get_task(row.task_id).name == "child"
    assert len(states("CHILD", "FINISHED")) == 1


def test_failures_say_why(ray_start_4_cpus, states):
    with pytest.raises(ValueError, match="on purpose"):
        ray.get(fail.remote())
    (row,) = states("fail", "FAILED")
    assert row.error_type == "TASK_EXECUTION_EXCEPTION" and "on purpose" in row.error_message
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(leave.remote())
    rows = states("leave", "FAILED", "FAILED")
    assert {row.error_type for row in rows} == {"WORKER_DIED"}
    assert [row.attempt_number for row in rows] == [0, 1]
    assert [row.attempt_number for row in get_task(rows[0].task_id)] in ([0, 1], [1, 0])


def test_what_waits_and_runs_is_listed(ray_start_4_cpus, states, tmp_path):
    running = linger.remote(str(tmp_path / "end"))
    waiting = child.options(name="waiting").remote(running)
    never = child.options(name="never", num_cpus=1000).remote(1)
    (row,) = states("linger", "RUNNING")
    assert row.task_id == running.task_id().hex()
    states("waiting", "PENDING_ARGS_AVAIL")
    states("never", "PENDING_NODE_ASSIGNMENT")
    (tmp_path / "end").touch()
    ray.get(waiting)
    states("linger", "FINISHED")
    states("waiting", "FINISHED")
    ray.cancel(never)
    states("never", "FAILED")


def test_calls_say_whose_they_are(ray_start_4_cpus, states):
    actor = Actor.remote()
    pid = ray.get(actor.call.remote())
    (row,) = states("Actor.call", "FINISHED")
    assert (row.type, row.worker_pid) == ("ACTOR_TASK", pid)
    assert row.actor_id == list_actors(filters=[("pid", "=", pid)])[0].actor_id
    (row,) = states("Actor.__init__", "FINISHED")
    assert row.type == "ACTOR_CREATION_TASK"
    cluster = summarize_tasks()["cluster"]
    assert cluster["summary"]["Actor.call"] == {
        "func_or_class_name": "Actor.call",
        "type": "ACTOR_TASK",
        "state_counts": {"FINISHED": 1},
    }
    assert cluster["total_actor_tasks"] == 1 and cluster["summary_by"] == "func_name"
    assert cluster["total_actor_scheduled"] == 1
    actors = summarize_actors()["cluster"]
    assert actors["summary"]["Actor"]["state_counts"] == {"ALIVE": 1}
    assert (actors["total_actors"], actors["summary_by"]) == (1, "class")


def test_objects_say_how_their_tasks_are_and_what_keeps_them(
    ray_start_4_cpus, states, tmp_path, wait_for
):
    running = linger.options(name="slow").remote(str(tmp_path / "end"))
    waiting = child.remote(running)
    kept, made = ray.put(bytes(1 << 20)), child.remote(2)
    ray.get(made)
    states("slow", "RUNNING")
    wanted = {
        running: ("SUBMITTED_TO_WORKER", "USED_BY_PENDING_TASK"),
        waiting: ("PENDING_ARGS_AVAIL", "LOCAL_REFERENCE"),
        made: ("FINISHED", "LOCAL_REFERENCE"),
    }

    def told(reference):
        rows = [row for row in list_objects() if row.object_id == reference.hex()]
        return [(row.task_status, row.reference_type) for row in rows]

    for reference, row in wanted.items():
        wait_for(lambda reference=reference, row=row: told(reference) == [row])
    (row,) = [row for row in list_objects() if row.object_id == kept.hex()]
    assert (row.pid, row.type) == (os.getpid(), "DRIVER") and row.object_size >= 1 << 20
    (tmp_path / "end").touch()
    ray.get(waiting)


def test_what_was_warned_of_is_listed(ray_start_4_cpus, wait_for):
    before = len(list_cluster_events())
    never = child.options(name="starving", resources={"moonstone": 2}).remote(1)

    def warned():
        return [event for event in list_cluster_events()[before:] if "moonstone" in event.message]

    wait_for(warned)
    (event,) = warned()
    assert event.severity == "WARNING" and event.time.startswith("20") and event.event_id
    ray.cancel(never)
