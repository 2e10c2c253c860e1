# SPDX-License-Identifier: Apache-2.0
"""What programs need now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobula import _lazy
from mobula._runtime import current, current_or_none

# Not when it is first named: then the module of that name would be found in the function's place.
from mobula.util.placement_group import (
    get_current_placement_group,
    get_placement_group,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

if TYPE_CHECKING:
    from mobula.util.actor_pool import ActorPool
    from mobula.util.check_serialize import inspect_serializability
    from mobula.util.debug import disable_log_once_globally, enable_periodic_logging, log_once
    from mobula.util.helpers import as_completed, map_unordered
    from mobula.util.serialization import deregister_serializer, register_serializer

# Where packets to the world would leave; none is sent. The address is of the block for examples.
_ELSEWHERE = ("192.0.2.1", 80)

__getattr__ = _lazy.attributes(
    __name__,
    {
        "ActorPool": "mobula.util.actor_pool:ActorPool",
        "accelerators": "mobula.util.accelerators",
        "as_completed": "mobula.util.helpers:as_completed",
        "collective": "mobula.util.collective",
        "deregister_serializer": "mobula.util.serialization:deregister_serializer",
        "disable_log_once_globally": "mobula.util.debug:disable_log_once_globally",
        "enable_periodic_logging": "mobula.util.debug:enable_periodic_logging",
        "inspect_serializability": "mobula.util.check_serialize:inspect_serializability",
        "iter": "mobula.util.iter",
        "log_once": "mobula.util.debug:log_once",
        "map_unordered": "mobula.util.helpers:map_unordered",
        "metrics": "mobula.util.metrics",
        "multiprocessing": "mobula.util.multiprocessing",
        "queue": "mobula.util.queue",
        "register_serializer": "mobula.util.serialization:register_serializer",
        "scheduling_strategies": "mobula.util.scheduling_strategies",
        "state": "mobula.util.state",
    },
)

__all__ = [
    "ActorPool",
    "as_completed",
    "deregister_serializer",
    "disable_log_once_globally",
    "enable_periodic_logging",
    "get_current_placement_group",
    "get_node_ip_address",
    "get_placement_group",
    "inspect_serializability",
    "list_named_actors",
    "log_once",
    "map_unordered",
    "placement_group",
    "placement_group_table",
    "register_serializer",
    "remove_placement_group",
]


def get_node_ip_address(address: str | None = None) -> str:
    """Of the node that the caller runs on; outside a cluster, of this machine.

    ``address`` is the "host:port" from whose point of view that is meant, outside a cluster.
    """
    execution = current_or_none()
    if execution is not None:
        own = str(execution.runtime.identity["node"]["address"])
        return own.rpartition(":")[0] or own
    # Not above: every program imports this package.
    import socket

    host, _, port = address.rpartition(":") if address else ("", "", "")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, int(port)) if address else _ELSEWHERE)
            return str(probe.getsockname()[0])
    except ValueError:
        raise ValueError(f"address must be 'host:port', got {address!r}") from None
    except OSError:
        return "127.0.0.1"


def list_named_actors(all_namespaces: bool = False) -> list[Any]:
    """The names of living actors; with ``all_namespaces`` dicts of name and namespace."""
    runtime = current().runtime
    views = runtime.await_request(runtime.process.request_actors())["actors"]
    named = [view for view in views if view["name"] and view["state"] != "kDead"]
    if all_namespaces:
        return [{"name": view["name"], "namespace": view["ray_namespace"]} for view in named]
    return [view["name"] for view in named if view["ray_namespace"] == runtime.namespace]
