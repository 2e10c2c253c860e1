# SPDX-License-Identifier: Apache-2.0
"""Tasks of the whole cluster, out of what several places know.

Each process keeps the times of its last executions, whoever submitted them, and its daemon tells of
them, also for a while after its end. What waits, and why something failed, is known to the process
that submitted it; of other processes only what waits for resources is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mobula import _errors
from mobula._cluster_view import node_views
from mobula._runtime import Runtime

# What a task waits for -> how Ray calls its state.
_STATES = {
    "waiting for arguments": "PENDING_ARGS_AVAIL",
    "waiting for a lease": "PENDING_NODE_ASSIGNMENT",
    "waiting for its actor": "PENDING_NODE_ASSIGNMENT",
}
# ErrorKind -> how Ray calls it.
_ERROR_TYPES = {
    "kActorDied": "ACTOR_DIED",
    "kActorUnavailable": "ACTOR_UNAVAILABLE",
    "kActorUnschedulable": "ACTOR_UNSCHEDULABLE_ERROR",
    "kActorPlacementGroupRemoved": "ACTOR_PLACEMENT_GROUP_REMOVED",
    "kTaskPlacementGroupRemoved": "TASK_PLACEMENT_GROUP_REMOVED",
    "kNodeDied": "NODE_DIED",
    "kObjectLost": "OBJECT_LOST",
    "kOwnerDied": "OWNER_DIED",
    "kTaskCancelled": "TASK_CANCELLED",
    "kTaskUnschedulable": "TASK_UNSCHEDULABLE_ERROR",
    "kWorkerCrashed": "WORKER_DIED",
}
# Of executions -> how Ray calls it.
_TYPES = {
    "task": "NORMAL_TASK",
    "actor creation": "ACTOR_CREATION_TASK",
    "actor call": "ACTOR_TASK",
}
# What only some of the places know, so that all rows have the same keys.
_UNKNOWN = {
    key: None
    for key in (
        "type",
        "actor_id",
        "job_id",
        "node_id",
        "worker_id",
        "worker_pid",
        "start_time_ms",
        "end_time_ms",
        "error_type",
        "error_message",
    )
}

Row = dict[str, Any]


def rows(runtime: Runtime, actors: list[dict[str, Any]]) -> list[Row]:
    """A row for each attempt; `actors` are the cluster's."""
    told: dict[tuple[str, int], Row] = {}
    for row in (*own_pending(runtime), *_executed(runtime, actors), *_own_failed(runtime)):
        place = (row["task_id"], row["attempt_number"])
        # Later ones know better what became of it, earlier ones where it was.
        known = {key: value for key, value in row.items() if value is not None}
        told[place] = {**_UNKNOWN, **row, **told.get(place, {}), **known}
    waiting = {row["name"] for row in told.values() if row["state"] == "PENDING_NODE_ASSIGNMENT"}
    return [*told.values(), *_demand(waiting)]


def own_pending(runtime: Runtime) -> list[Row]:
    """The tasks of this process that have not finished."""
    return [
        {
            **_row(task),
            "actor_id": task["actor"] if task["actor"].strip("0") else None,
            # Its worker has it; those that it has begun are told of below.
            "state": _STATES.get(task["state"], "SUBMITTED_TO_WORKER"),
            "state_message": task["state"],
        }
        for task in _tables(runtime).pending_tasks()
    ]


def _executed(runtime: Runtime, actors: list[dict[str, Any]]) -> Iterator[Row]:
    nodes = {}
    for view in node_views():
        info = view["info"]
        nodes[info["address"]] = nodes[info["name"]] = info["node"]
    jobs = {worker["worker"]: worker["job"] for worker in runtime.workers()}
    actor_of = {view["worker"]["worker"]: view["actor"] for view in actors}
    for node in runtime.time_line():
        for process in node.processes:
            place = {
                "node_id": nodes.get(node.name),
                "worker_id": process["worker"],
                "worker_pid": process["pid"],
                "job_id": jobs.get(process["worker"]),
            }
            for one in process["executions"]:
                if "task" in one:
                    is_call = one["kind"] != "task"
                    actor = actor_of.get(process["worker"]) if is_call else None
                    yield {**_execution(one, process["alive"]), **place, "actor_id": actor}


def _execution(one: dict[str, Any], is_alive: bool) -> Row:
    row = {
        "task_id": one["task"],
        "attempt_number": one["attempt"],
        "name": one["name"],
        "func_or_class_name": one["name"],
        "type": _TYPES[one["kind"]],
        "start_time_ms": one["started"] // 1_000_000,
    }
    if one["ended"] is not None:
        row["end_time_ms"] = one["ended"] // 1_000_000
        if not one["failed"]:
            return {**row, "state": "FINISHED", "state_message": "finished"}
        error_type = "TASK_EXECUTION_EXCEPTION"
    elif is_alive:
        return {**row, "state": "RUNNING", "state_message": "running"}
    else:
        error_type = "WORKER_DIED"
    return {**row, "state": "FAILED", "state_message": "failed", "error_type": error_type}


def _own_failed(runtime: Runtime) -> list[Row]:
    return [
        {
            **_row(task),
            "state": "FAILED",
            "state_message": "failed",
            "error_type": _error_type(task["failure"]),
            "error_message": str(_errors.of_payload(task["failure"])),
        }
        for task in _tables(runtime).failed_tasks()
    ]


def _row(task: dict[str, Any]) -> Row:
    return {
        "task_id": task["task"],
        "name": task["name"],
        "func_or_class_name": task["name"],
        "attempt_number": task["attempt"],
    }


def _error_type(failure: dict[str, Any]) -> str:
    if failure["kind"] == "kException":
        return "TASK_EXECUTION_EXCEPTION"
    return _ERROR_TYPES.get(failure["error"]["kind"], "UNKNOWN_ERROR")


def _demand(known: set[str]) -> Iterator[Row]:
    """What waits for resources on some node, counted by name; without those that are known."""
    for view in node_views():
        for demand in view["demand"] if view["alive"] else ():
            if demand["name"] not in known:
                yield {
                    **_UNKNOWN,
                    "task_id": "",
                    "attempt_number": 0,
                    "name": demand["name"],
                    "func_or_class_name": demand["name"],
                    "count": demand["count"],
                    "state": "PENDING_NODE_ASSIGNMENT",
                    "state_message": (
                        "no node could ever run it" if demand["infeasible"] else "waiting"
                    ),
                    "required_resources": demand["resources"],
                }


def _tables(runtime: Runtime) -> Any:
    """Both worlds' processes have these beyond the common ones."""
    return runtime.process
