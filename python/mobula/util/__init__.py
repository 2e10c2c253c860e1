# SPDX-License-Identifier: Apache-2.0
"""What programs need now and then."""

from __future__ import annotations

from typing import Any

from mobula._runtime import current
from mobula.util.actor_pool import ActorPool

__all__ = ["ActorPool", "get_node_ip_address", "list_named_actors"]


def get_node_ip_address() -> str:
    """Of the node that the caller runs on."""
    address = str(current().runtime.identity["node"]["address"])
    return address.rpartition(":")[0] or address


def list_named_actors(all_namespaces: bool = False) -> list[Any]:
    """The names of living actors; with ``all_namespaces`` dicts of name and namespace."""
    runtime = current().runtime
    views = runtime.await_request(runtime.process.request_actors())["actors"]
    named = [view for view in views if view["name"] and view["state"] != "kDead"]
    if all_namespaces:
        return [{"name": view["name"], "namespace": view["ray_namespace"]} for view in named]
    return [view["name"] for view in named if view["ray_namespace"] == runtime.namespace]
