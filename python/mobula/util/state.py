# SPDX-License-Identifier: Apache-2.0
"""What there is in the cluster at the moment, as lists of dicts."""

from __future__ import annotations

from typing import Any

from mobula._cluster_view import node_views
from mobula._runtime import Runtime, current

__all__ = ["list_actors", "list_jobs", "list_nodes", "list_objects", "list_tasks"]

_ACTOR_STATES = {
    "kPending": "PENDING_CREATION",
    "kAlive": "ALIVE",
    "kRestarting": "RESTARTING",
    "kDead": "DEAD",
}


def _ask(what: str) -> dict[str, Any]:
    runtime = current().runtime
    request = getattr(runtime.process, f"request_{what}")()
    reply: dict[str, Any] = runtime.await_request(request)
    return reply


def list_nodes() -> list[dict[str, Any]]:
    """All nodes, dead ones too."""
    return [
        {
            "node_id": view["info"]["node"],
            "node_name": view["info"]["name"],
            "node_ip": view["info"]["address"].rpartition(":")[0] or view["info"]["address"],
            "is_head_node": view["info"]["is_head"],
            "state": "ALIVE" if view["alive"] else "DEAD",
            "state_message": view["death_reason"],
            "resources_total": view["info"]["total"],
            "labels": view["info"]["labels"],
        }
        for view in node_views()
    ]


def list_actors() -> list[dict[str, Any]]:
    """All actors, dead ones too."""
    return [
        {
            "actor_id": view["actor"],
            "class_name": view["class_name"],
            "state": _ACTOR_STATES[view["state"]],
            "name": view["name"],
            "ray_namespace": view["ray_namespace"],
            "job_id": view["job"],
            "node_id": view["worker"]["node"],
            "pid": view["pid"],
            "num_restarts": view["incarnation"],
            "death_cause": view["death_cause"]["message"],
        }
        for view in _ask("actors")["actors"]
    ]


def list_jobs() -> list[dict[str, Any]]:
    """All drivers that have been in the cluster."""
    return [
        {
            "job_id": view["job"],
            "status": "SUCCEEDED" if view["finished"] else "RUNNING",
            "ray_namespace": view["config"]["ray_namespace"],
        }
        for view in _ask("jobs")["jobs"]
    ]


def list_tasks() -> list[dict[str, Any]]:
    """The tasks of this process that have not finished, with what they wait for.

    Those that wait for resources of a node, whoever submitted them, are listed in a second form:
    without an id, counted by name.
    """
    runtime = current().runtime
    own = [
        {
            "task_id": task["task"],
            "name": task["name"],
            "attempt_number": task["attempt"],
            "state": "RUNNING" if task["state"].startswith("running") else "PENDING",
            "state_message": task["state"],
        }
        for task in _tables(runtime).pending_tasks()
    ]
    return own + _demand({task["name"] for task in own})


def _demand(known: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "task_id": "",
            "name": demand["name"],
            "count": demand["count"],
            "state": "PENDING",
            "state_message": "no node could ever run it" if demand["infeasible"] else "waiting",
            "required_resources": demand["resources"],
        }
        for view in node_views()
        if view["alive"]
        for demand in view["demand"]
        if demand["name"] not in known
    ]


def list_objects() -> list[dict[str, Any]]:
    """The objects that this process knows, with who holds them."""
    runtime = current().runtime
    return [
        {
            "object_id": view["reference"][:20].hex(),
            "owned": view["owned"],
            "local_references": view["local"],
            "submitted_references": view["submitted"],
            "borrowers": len(view["borrowers"]),
            "state": view["status"]["phase"].removeprefix("k").upper(),
            "size": view["status"]["size"],
        }
        for view in _tables(runtime).references()
    ]


def _tables(runtime: Runtime) -> Any:
    """Both worlds' processes have these beyond the common ones."""
    return runtime.process
