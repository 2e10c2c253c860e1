# SPDX-License-Identifier: Apache-2.0
"""What the cluster is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mobula._runtime import current, current_or_none
from mobula.exceptions import RaySystemError


def node_views() -> list[dict[str, Any]]:
    """The fields of each ``NodeView``."""
    runtime = current().runtime
    views: list[dict[str, Any]] = runtime.await_request(runtime.process.request_nodes())["nodes"]
    return views


def _told_views() -> list[dict[str, Any]]:
    """Those of a cluster that there is: who only looks starts none, as in Ray."""
    if current_or_none() is None:
        raise RaySystemError(
            "System error: Ray has not been started yet. Trying to use state API before ray.init() "
            "has been called."
        )
    return node_views()


def nodes() -> list[dict[str, Any]]:
    """Every node that is or was in the cluster.

    >>> import mobula
    >>> context = mobula.init(ignore_reinit_error=True)
    >>> [node["Alive"] for node in mobula.nodes()]
    [True]
    """
    return [_describe(view) for view in _told_views()]


def _describe(view: dict[str, Any]) -> dict[str, Any]:
    info = view["info"]
    host, _, port = info["address"].rpartition(":")
    return {
        "NodeID": info["node"],
        "Alive": view["alive"],
        "alive": view["alive"],
        "NodeName": info["name"],
        "NodeManagerAddress": host or info["address"],
        "NodeManagerHostname": info["details"].get("hostname") or info["name"],
        "NodeManagerPort": int(port) if port.isdigit() else 0,
        "ObjectManagerPort": int(port) if port.isdigit() else 0,
        "ObjectStoreSocketName": info["details"].get("object_store_address", ""),
        "RayletSocketName": info["details"].get("raylet_socket_name", ""),
        "MetricsExportPort": int(info["details"].get("metrics_export_port", 0)),
        "Resources": info["total"] if view["alive"] else {},
        "Labels": info["labels"],
        "IsHead": info["is_head"],
        "DeathReasonMessage": view["death_reason"],
    }


def _sum(amounts: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for resources in amounts:
        for name, amount in resources.items():
            total[name] = total.get(name, 0.0) + amount
    return total


def cluster_resources() -> dict[str, float]:
    """What all living nodes have together.

    >>> import mobula
    >>> context = mobula.init(ignore_reinit_error=True)
    >>> mobula.cluster_resources()["CPU"] > 0
    True
    """
    return _sum(view["info"]["total"] for view in _told_views() if view["alive"])


def available_resources() -> dict[str, float]:
    """What of it is not in use, as the nodes last reported it."""
    return _sum(view["available"] for view in _told_views() if view["alive"])
