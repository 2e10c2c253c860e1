# SPDX-License-Identifier: Apache-2.0
"""What there is in the cluster, in the form in which Ray's own tests read it."""

from __future__ import annotations

from typing import Any

from mobula._cluster_view import available_resources, cluster_resources, node_views, nodes
from mobula.profiling import timeline
from mobula.util.state import list_actors, list_jobs, list_workers

__all__ = [
    "actors",
    "available_resources",
    "available_resources_per_node",
    "cluster_resources",
    "jobs",
    "node_ids",
    "nodes",
    "timeline",
    "total_resources_per_node",
    "workers",
]


def actors(actor_id: str | None = None) -> dict[str, Any]:
    """All actors by id, dead ones too; or the one of that id, empty if there is none."""
    views = {
        view["actor_id"]: {
            "ActorID": view["actor_id"],
            "ActorClassName": view["class_name"],
            "IsDetached": view["is_detached"],
            "Name": view["name"],
            "JobID": view["job_id"],
            "State": view["state"],
            "NumRestarts": view["num_restarts"],
            "Pid": view["pid"],
            "Address": {"NodeID": view["node_id"]},
            "DeathCause": view["death_cause"],
        }
        for view in list_actors()
    }
    return views if actor_id is None else views.get(actor_id, {})


def jobs() -> list[dict[str, Any]]:
    """All drivers that have been in the cluster."""
    return [
        {"JobID": view["job_id"], "IsDead": view["status"] != "RUNNING"} for view in list_jobs()
    ]


def node_ids() -> list[str]:
    """The ids of living nodes."""
    return [view["info"]["node"] for view in node_views() if view["alive"]]


def workers() -> dict[str, dict[str, Any]]:
    """The workers of all living nodes, by id."""
    return {
        view["worker_id"]: {
            "node_id": view["node_id"],
            "pid": view["pid"],
            "job_id": view["job_id"],
        }
        for view in list_workers()
        if view["worker_type"] == "WORKER"
    }


def available_resources_per_node() -> dict[str, dict[str, float]]:
    """What is not in use, by living node."""
    return {view["info"]["node"]: view["available"] for view in node_views() if view["alive"]}


def total_resources_per_node() -> dict[str, dict[str, float]]:
    """What there is, by living node."""
    return {view["info"]["node"]: view["info"]["total"] for view in node_views() if view["alive"]}
