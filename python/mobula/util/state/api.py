# SPDX-License-Identifier: Apache-2.0
"""What there is in the cluster at the moment, as lists of dicts."""

from __future__ import annotations

import collections
import functools
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mobula import _logs
from mobula._cluster_view import node_views
from mobula._job_config import facts_of
from mobula._runtime import current
from mobula._worker_logs import get_log, list_logs
from mobula.util.placement_group import placement_group_row
from mobula.util.state import _objects, _tasks

__all__ = [
    "get_actor",
    "get_job",
    "get_log",
    "get_node",
    "get_objects",
    "get_placement_group",
    "get_task",
    "get_worker",
    "list_actors",
    "list_cluster_events",
    "list_jobs",
    "list_logs",
    "list_nodes",
    "list_objects",
    "list_placement_groups",
    "list_runtime_envs",
    "list_tasks",
    "list_workers",
    "summarize_actors",
    "summarize_objects",
    "summarize_tasks",
]

# A key, "=" or "!=", and a value.
Filter = tuple[str, str, Any]


class View(dict[str, Any]):
    """What is told of one thing; its keys can be read as attributes, too."""

    def __getattr__(self, name: str) -> Any:
        """The value of that key."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _Listing(Protocol):
    def __call__(
        self,
        address: str | None = None,
        filters: Sequence[Filter] | None = None,
        limit: int | None = None,
        timeout: int | None = None,
        detail: bool = False,
        raise_on_missing_output: bool = True,
    ) -> list[View]: ...


def _listing(list_all: Callable[[], list[dict[str, Any]]]) -> _Listing:
    """Gives a list Ray's options. Those but the filters and the limit have no effect.

    All is told anyway, of the cluster that the program is in.
    """

    @functools.wraps(list_all)
    def list_some(
        address: str | None = None,
        filters: Sequence[Filter] | None = None,
        limit: int | None = None,
        timeout: int | None = None,
        detail: bool = False,
        raise_on_missing_output: bool = True,
    ) -> list[View]:
        views = [View(view) for view in list_all()]
        for one in filters or ():
            views = _kept(views, one)
        return views[:limit]

    return list_some


def _kept(views: list[View], one: Filter) -> list[View]:
    key, comparison, value = one
    if comparison not in ("=", "!="):
        raise ValueError(f"a filter is a key, '=' or '!=', and a value; got {one!r}")
    if views and not any(key in view for view in views):
        raise ValueError(f"there is no key {key!r}; there are: {', '.join(views[0])}")
    return [view for view in views if _equal(view.get(key), value) == (comparison == "=")]


def _equal(told: Any, wanted: Any) -> bool:
    """As Ray compares: text without regard to case."""
    if isinstance(told, str) and isinstance(wanted, str):
        return told.lower() == wanted.lower()
    return bool(told == wanted)


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


@_listing
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


@_listing
def list_actors() -> list[dict[str, Any]]:
    """All actors, dead ones too."""
    return [
        {
            "actor_id": view["actor"],
            "class_name": view["class_name"],
            "state": _ACTOR_STATES[view["state"]],
            "name": view["name"],
            "is_detached": view["detached"],
            "ray_namespace": view["ray_namespace"],
            "job_id": view["job"],
            "node_id": view["worker"]["node"],
            "pid": view["pid"],
            "num_restarts": view["incarnation"],
            "death_cause": view["death_cause"]["message"],
        }
        for view in _ask("actors")["actors"]
    ]


def get_actor(id: str) -> View | None:
    """The actor of that id, if there is or was one."""
    return next((view for view in list_actors() if view.actor_id == id), None)


def get_node(id: str) -> View | None:
    """The node of that id, if there is or was one."""
    return next((view for view in list_nodes() if view.node_id == id), None)


@_listing
def list_placement_groups() -> list[dict[str, Any]]:
    """All placement groups, and those that were removed lately."""
    rows = [placement_group_row(view) for view in _ask("placement_groups")["groups"]]
    return [
        {
            **row,
            "bundles": [
                {
                    "bundle_index": index,
                    "resources": resources,
                    "node_id": row["bundles_to_node_id"].get(index, ""),
                }
                for index, resources in row["bundles"].items()
            ],
        }
        for row in rows
    ]


def get_placement_group(id: str) -> View | None:
    """The placement group of that id, if there is or was one."""
    groups = list_placement_groups()
    return next((view for view in groups if view.placement_group_id == id), None)


@_listing
def list_jobs() -> list[dict[str, Any]]:
    """All drivers that have been in the cluster."""
    return [
        {
            "job_id": view["job"],
            "type": "DRIVER",
            "driver_node_id": view["driver"]["node"],
            "status": "SUCCEEDED" if view["finished"] else "RUNNING",
            "ray_namespace": view["config"]["ray_namespace"],
            "metadata": facts_of(view["config"]["language_config"]).get("metadata", {}),
        }
        for view in _ask("jobs")["jobs"]
    ]


@_listing
def list_workers() -> list[dict[str, Any]]:
    """The processes of all living nodes: workers and drivers."""
    ips = {view.node_id: view.node_ip for view in list_nodes()}
    return [
        {
            "worker_id": worker["worker"],
            "is_alive": True,
            "worker_type": "DRIVER" if worker["state"] == "driver" else "WORKER",
            "node_id": worker["node"],
            "ip": ips.get(worker["node"]),
            "pid": worker["pid"],
            "job_id": worker["job"],
            "state": worker["state"].upper(),
            "name": worker["running"],
        }
        for worker in current().runtime.workers()
    ]


def get_worker(id: str) -> View | None:
    """The process of that id, if it lives."""
    return next((view for view in list_workers() if view.worker_id == id), None)


@_listing
def list_runtime_envs() -> list[dict[str, Any]]:
    """The runtime environments that workers are in, by node."""
    users = collections.Counter(
        (worker["runtime_env"], worker["node"])
        for worker in current().runtime.workers()
        if worker["runtime_env"] and worker["state"] != "driver"
    )
    return [
        {
            "runtime_env": json.loads(text),
            "node_id": node,
            "success": True,
            "ref_cnt": count,
        }
        for (text, node), count in sorted(users.items())
    ]


@_listing
def list_tasks() -> list[dict[str, Any]]:
    """The attempts of tasks in the cluster: those that run, that wait, and the last that ended.

    Why one has failed, and what one waits for, is told to the process that submitted it. Of others'
    tasks that wait for resources of a node only the number is told, by name and without an id.
    """
    return _tasks.rows(current().runtime, _ask("actors")["actors"])


@_listing
def list_cluster_events() -> list[dict[str, Any]]:
    """The warnings of the cluster that this process was told last."""
    return [
        {
            "severity": "WARNING",
            "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.time)),
            "source_type": one.kind.upper() or "CORE_WORKER",
            "message": one.message,
            "event_id": f"{one.number:036x}",
        }
        for one in _logs.warnings
    ]


@_listing
def list_objects() -> list[dict[str, Any]]:
    """The objects that this process knows, with who holds them."""
    return _objects.rows(current().runtime)


def get_job(id: str) -> View | None:
    """The job of that id, if there is or was one."""
    return next((view for view in list_jobs() if view.job_id == id), None)


def get_task(id: str) -> View | list[View] | None:
    """The task of that id, if ``list_tasks`` tells of it; a list when it had several attempts."""
    found = [view for view in list_tasks() if view.task_id == id]
    return found if len(found) > 1 else found[0] if found else None


def get_objects(id: str) -> list[View]:
    """What this process knows of the object of that id."""
    return list_objects(filters=[("object_id", "=", id)])


def summarize_tasks() -> dict[str, Any]:
    """How many tasks are in which state, by function."""
    views = list_tasks()
    counts = collections.Counter[str | None]()
    for view in views:
        counts[view.type] += view.get("count", 1)
    return _summary(
        views,
        "func_or_class_name",
        "func_name",
        total_tasks=counts["NORMAL_TASK"] + counts[None],
        total_actor_tasks=counts["ACTOR_TASK"],
        total_actor_scheduled=counts["ACTOR_CREATION_TASK"],
    )


def summarize_actors() -> dict[str, Any]:
    """How many actors are in which state, by class."""
    views = list_actors()
    return _summary(views, "class_name", "class", total_actors=len(views))


def summarize_objects() -> dict[str, Any]:
    """How many objects are in which state, and how many bytes, owned by this process or not."""
    views = list_objects()
    for view in views:
        view["owner"] = "this process" if view.owned else "others"
    return _summary(
        views,
        "owner",
        "owner",
        total_objects=len(views),
        total_size=sum(view.size for view in views),
    )


def _summary(views: list[View], key: str, by: str, **totals: int) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {}
    for view in views:
        group = groups.setdefault(view[key], {key: view[key], "state_counts": {}})
        if by == "func_name":
            group["type"] = group.get("type") or view["type"]
        states = group["state_counts"]
        # Tasks that wait for resources are told of together.
        states[view.state] = states.get(view.state, 0) + view.get("count", 1)
    return {"cluster": {"summary": groups, **totals, "summary_by": by}}
