# SPDX-License-Identifier: Apache-2.0
"""What there is in a cluster, as rows: dicts of equal keys for each kind of thing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mobula._cluster import status
from mobula._cluster.query import Access, QueryError, amounts

Rows = list[dict[str, Any]]
# As `Access.nodes` gives them.
Nodes = list[dict[str, Any]]
# Told of nodes that did not answer.
Complain = Callable[[str], None]


def nodes(access: Access, complain: Complain) -> Rows:
    """All nodes, dead ones too."""
    return [
        {
            "node_id": node["info"]["node"],
            "name": node["info"]["name"],
            "address": node["info"]["address"],
            "state": "ALIVE" if node["alive"] else "DEAD",
            "is_head": node["info"]["is_head"],
            "cpus": node["info"]["total"].get("CPU", 0.0),
            "death_reason": node["death_reason"],
        }
        for node in access.nodes()
    ]


def actors(access: Access, complain: Complain) -> Rows:
    """All actors, dead ones too."""
    addresses = {node["info"]["node"]: node["info"]["address"] for node in access.nodes()}
    return [
        {
            "actor_id": actor["actor"],
            "class_name": actor["class_name"],
            "name": actor["name"],
            "namespace": actor["ray_namespace"],
            "state": actor["state"].removeprefix("k").upper(),
            "pid": actor["pid"],
            "node": addresses.get(actor["worker"]["node"], ""),
            "restarts": actor["incarnation"],
            "job_id": actor["job"],
            "death_cause": actor["death_cause"]["message"],
        }
        for actor in access.ask("/api/actors")
    ]


def jobs(access: Access, complain: Complain) -> Rows:
    """All drivers that are or were in the cluster."""
    return [
        {
            "job_id": job["job"],
            "state": "FINISHED" if job["finished"] else "RUNNING",
            "namespace": job["config"]["ray_namespace"],
            "node_id": job["driver"]["node"],
        }
        for job in access.ask("/api/jobs")
    ]


def placement_groups(access: Access, complain: Complain) -> Rows:
    """All placement groups, removed ones too."""
    addresses = {node["info"]["node"]: node["info"]["address"] for node in access.nodes()}
    return [
        {
            "placement_group_id": group["spec"]["group"],
            "name": group["spec"]["name"],
            "namespace": group["spec"]["ray_namespace"],
            "state": group["state"].removeprefix("k").upper(),
            "strategy": _in_capitals(group["spec"]["strategy"]),
            "bundles": "; ".join(
                status.amounts_text(amounts(bundle)) for bundle in group["spec"]["bundles"]
            ),
            "nodes": " ".join(addresses.get(bundle["node"], "-") for bundle in group["bundles"]),
            "attempts": group["attempts"],
            "job_id": group["spec"]["job"],
            "death_cause": group["error"]["message"],
        }
        for group in access.ask("/api/placement_groups")
    ]


def _in_capitals(name: str) -> str:
    """STRICT_PACK for kStrictPack."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.removeprefix("k")).upper()


def workers(access: Access, complain: Complain) -> Rows:
    """The processes of all nodes: workers and drivers."""
    return _workers_of(access, living(access), complain)


def _workers_of(access: Access, nodes: Nodes, complain: Complain) -> Rows:
    return [
        {
            "worker_id": worker["worker"],
            "pid": worker["pid"],
            "node": node["info"]["address"],
            "state": worker["state"],
            "runs": worker["running"],
            "job_id": worker["job"],
        }
        for node, answer in _ask_each(access, nodes, "/api/workers", complain)
        for worker in answer
    ]


def tasks(access: Access, complain: Complain) -> Rows:
    """What workers are leased for, and what waits for resources, counted by name.

    Which calls of actors run is known to their callers only.
    """
    alive = living(access)
    running = [
        {
            "name": worker["running"],
            "state": "RUNNING",
            "count": 1,
            "node": node["info"]["address"],
            "pid": worker["pid"],
            "job_id": worker["job"],
            "waits_for": "its own tasks" if worker["blocked"] else "",
        }
        for node, answer in _ask_each(access, alive, "/api/workers", complain)
        for worker in answer
        if worker["state"] == "leased"
    ]
    waiting = [
        {
            "name": demand["name"],
            "state": "PENDING",
            "count": demand["count"],
            "node": node["info"]["address"],
            "pid": "",
            "job_id": "",
            "waits_for": status.amounts_text(demand["resources"]),
        }
        for node in alive
        for demand in node["demand"]
    ]
    return running + waiting


def objects(access: Access, complain: Complain) -> Rows:
    """The copies of objects in the stores of all nodes, the largest first, and whose they are."""
    return objects_of(access, living(access), complain)


def objects_of(access: Access, nodes: Nodes, complain: Complain) -> Rows:
    """As `objects`, of these nodes."""
    owners = {worker["worker_id"]: worker for worker in _workers_of(access, nodes, complain)}
    rows = []
    for node, answer in _ask_each(access, nodes, "/api/objects", complain):
        for copy in answer:
            owner = owners.get(copy["object"]["owner"]["worker"])
            rows.append(
                {
                    "object_id": copy["object"]["id"],
                    "bytes": copy["size"],
                    "node": node["info"]["address"],
                    "copy": "primary" if copy["primary"] else "secondary",
                    "place": _place(copy),
                    "readers": copy["pins"],
                    "owner": f"{owner['state']} pid {owner['pid']} on {owner['node']}"
                    if owner
                    else "a process that has ended",
                    "job_id": owner["job_id"] if owner else "",
                }
            )
    return sorted(rows, key=lambda row: (-row["bytes"], row["object_id"], row["node"]))


LISTS = {
    "actors": actors,
    "jobs": jobs,
    "nodes": nodes,
    "objects": objects,
    "placement-groups": placement_groups,
    "tasks": tasks,
    "workers": workers,
}


def _place(copy: dict[str, Any]) -> str:
    # What a process of the node writes is sealed only when somebody else may ask for it.
    if not copy["sealed"] and not copy["primary"]:
        return "being fetched"
    places = [
        place for place, there in (("memory", "in_memory"), ("disk", "on_disk")) if copy[there]
    ]
    return " and ".join(places)


def living(access: Access) -> Nodes:
    """The nodes that are there."""
    return [node for node in access.nodes() if node["alive"]]


def _ask_each(
    access: Access, nodes: Nodes, path: str, complain: Complain
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    answers = []
    for node, answer in access.ask_nodes(path, nodes):
        if isinstance(answer, QueryError):
            complain(f"left out: the node at {node['info']['address']} does not answer: {answer}")
        else:
            answers.append((node, answer))
    return answers
