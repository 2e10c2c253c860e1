# SPDX-License-Identifier: Apache-2.0
"""Clusters of several nodes on one machine, for tests."""

from __future__ import annotations

import time
from typing import Any

from mobula import _init, _system_settings, _world
from mobula._world import Node, NodeOptions

__all__ = ["Cluster", "cluster_not_supported"]

# Ray says so of some systems.
cluster_not_supported = False

# Options of Ray's `add_node` about parts that mobula does not have.
_WITHOUT_EFFECT = {
    "dashboard_agent_listen_port",
    "dashboard_host",
    "dashboard_port",
    "enable_object_reconstruction",
    "env_vars",
    "include_dashboard",
    "ray_debugger_external",
    "redis_password",
    "redis_port",
}


class Cluster:
    """Several node daemons on this machine that form one cluster.

    >>> from mobula.cluster_utils import Cluster
    >>> cluster = Cluster(head_node_args={"num_cpus": 1})    # doctest: +SKIP
    >>> node = cluster.add_node(num_cpus=2)                  # doctest: +SKIP
    >>> mobula.init(address=cluster.address)                 # doctest: +SKIP
    """

    def __init__(
        self,
        initialize_head: bool = False,
        connect: bool = False,
        head_node_args: dict[str, Any] | None = None,
    ) -> None:
        """With ``initialize_head`` the head runs at once; ``connect`` makes this its driver."""
        self.head_node: Node | None = None
        self.worker_nodes: list[Node] = []
        self.connected = False
        # Fields of `NodeOptions`, for every node: what the head's `_system_config` says.
        self._spilling: dict[str, Any] = {}
        if initialize_head or head_node_args:
            self.add_node(**(head_node_args or {}))
        if connect:
            self.connect()

    @property
    def address(self) -> str | None:
        """Of the head, for ``init(address=...)``; None, which ``init`` takes, too, without one."""
        return self.head_node.address if self.head_node is not None else None

    gcs_address = address

    def connect(self, namespace: str | None = None) -> None:
        """Makes this program a driver of the cluster."""
        _init.init(address=self.address, namespace=namespace)
        self.connected = True

    def add_node(
        self, wait: bool = True, _system_config: dict[str, Any] | None = None, **options: Any
    ) -> Node:
        """Starts a node with ``num_cpus``, ``num_gpus``, ``resources``, ``memory``, ...

        The first is the head; its ``_system_config`` is the cluster's. A node is a member of the
        cluster when this returns.
        """
        options = {name: value for name, value in options.items() if name not in _WITHOUT_EFFECT}
        known = set(NodeOptions.__dataclass_fields__)
        unknown = set(options) - known
        if unknown:
            raise ValueError(
                f"unknown option {', '.join(sorted(unknown))} of add_node; known are: "
                f"{', '.join(sorted(known))}"
            )
        given = {name: value for name, value in options.items() if value is not None}
        head = self.head_node
        if head is None:
            self._spilling = _system_settings.spilling(_system_config, None)
        node = _world.current.start_node(
            NodeOptions(**{"num_cpus": 1, **self._spilling, **given}),
            head.address if head is not None else None,
        )
        if head is None:
            self.head_node = node
            _system_settings.remember(node.address, _system_config)
        else:
            self.worker_nodes.append(node)
        return node

    def remove_node(self, node: Node, allow_graceful: bool = True) -> None:
        """Takes a node away: in order or, with ``allow_graceful=False``, as a crash does."""
        if node is self.head_node:
            if self.worker_nodes:
                raise ValueError("the head can only be removed after the other nodes")
            self.head_node = None
        elif node in self.worker_nodes:
            self.worker_nodes.remove(node)
        else:
            raise ValueError("the node is not of this cluster")
        node.stop(graceful=allow_graceful)

    def list_all_nodes(self) -> list[Node]:
        """The head and the others."""
        return ([self.head_node] if self.head_node is not None else []) + self.worker_nodes

    def wait_for_nodes(self, timeout: float = 30.0) -> None:
        """Waits until this driver sees exactly the nodes of the cluster alive.

        Without a driver there is nothing to wait for: nodes are members once they are added.
        """
        from mobula._cluster_view import node_views

        if not _init.is_initialized():
            return
        expected = {node.node_id for node in self.list_all_nodes()}
        deadline = time.monotonic() + timeout
        while True:
            alive = {view["info"]["node"] for view in node_views() if view["alive"]}
            if alive == expected:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(expected)} nodes were expected, {len(alive)} are alive after {timeout} s"
                )
            time.sleep(0.05)

    def shutdown(self) -> None:
        """Ends all nodes."""
        if self.connected:
            _init.shutdown()
            self.connected = False
        for node in list(self.worker_nodes):
            self.remove_node(node, allow_graceful=True)
        if self.head_node is not None:
            self.remove_node(self.head_node, allow_graceful=True)
