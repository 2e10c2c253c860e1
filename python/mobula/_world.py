# SPDX-License-Identifier: Apache-2.0
"""The seam between the two worlds: how a driver gets into a cluster and out of it again.

``current`` is the real world unless the simulator has put its own in its place, which it does
before user code is loaded.
"""

from __future__ import annotations

import abc
import dataclasses
import os
import signal
from typing import TYPE_CHECKING, Any

import mobula

if TYPE_CHECKING:
    from mobula._runtime import Execution, Runtime


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeOptions:
    """What one node offers. None means: what the machine has."""

    num_cpus: float | None = None
    num_gpus: float | None = None
    memory: float | None = None
    object_store_memory: int | None = None
    # A folder for the objects for which the store has no room; without one the session's.
    object_spilling_directory: str | None = None
    # In bytes: small objects are spilled together until a file has this size.
    min_spilling_size: int | None = None
    spills: bool = True
    # The share of the host's memory whose use ends a worker, and how often that is looked at.
    memory_usage_threshold: float | None = None
    memory_monitor_refresh_ms: int | None = None
    resources: dict[str, float] = dataclasses.field(default_factory=dict)
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    # For people; empty: the host's.
    node_name: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitOptions:
    """The checked options of ``mobula.init``."""

    address: str | None = None
    node: NodeOptions = NodeOptions()
    namespace: str = ""
    log_to_driver: bool = True
    include_dashboard: bool = True
    dashboard_port: int | None = None
    # What workers need to import the driver's modules, serialised.
    language_config: bytes = b""
    # Lineage kept at most per process of the job; 0: the usual, -1: none.
    lineage_bytes_max: int = 0


@dataclasses.dataclass(frozen=True)
class NodeProcess:
    """A process of a node, by its id."""

    pid: int

    def kill(self) -> None:
        """Ends it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Asks it to end."""
        os.kill(self.pid, signal.SIGTERM)


@dataclasses.dataclass(frozen=True)
class ProcessInfo:
    """As Ray's lists of a node's processes have it."""

    process: NodeProcess


class Node(abc.ABC):
    """A running node, as ``cluster_utils`` handles it."""

    node_id: str
    # Its cluster's, "host:port".
    address: str
    # Of its daemon.
    pid: int
    is_head: bool

    @property
    def all_processes(self) -> dict[str, list[ProcessInfo]]:
        """By Ray's names for them: the daemon is the raylet and, on the head, the GCS as well."""
        daemon = [ProcessInfo(NodeProcess(self.pid))]
        return {"raylet": daemon, **({"gcs_server": daemon} if self.is_head else {})}

    @property
    def unique_id(self) -> str:
        """As ``node_id``."""
        return self.node_id

    @abc.abstractmethod
    def stop(self, graceful: bool) -> None:
        """Ends it: in order, or as a crash does."""

    def kill_raylet(self) -> None:
        """As a crash of the node's daemon does."""
        self.stop(graceful=False)


def check_version(version: str) -> None:
    """RuntimeError when a cluster was started by another version than this program's."""
    if version != mobula.__version__:
        raise RuntimeError(
            f"Version mismatch: the cluster was started with version {version}, this program has "
            f"{mobula.__version__}"
        )


class World(abc.ABC):
    """Where programs run."""

    # Of the process that asks: what runs outside any task. None: not in a cluster.
    root: Execution | None = None

    @abc.abstractmethod
    def connect(self, options: InitOptions) -> tuple[Runtime, dict[str, Any]]:
        """Joins the cluster at ``options.address``, or starts one.

        Returns the driver's runtime and the eight facts that ``init`` tells.
        """

    @abc.abstractmethod
    def disconnect(self, runtime: Runtime) -> None:
        """Leaves; ends the cluster if ``connect`` started it."""

    @abc.abstractmethod
    def has_process(self, pid: int) -> bool:
        """Whether a process has that number and has not ended."""

    @abc.abstractmethod
    def own_node(self) -> Node:
        """The node that ``connect`` has started. RuntimeError when it started none."""

    @abc.abstractmethod
    def start_node(self, options: NodeOptions, cluster_address: str | None) -> Node:
        """Starts a node: the head of a new cluster, or one more of the cluster at the address."""


def _real_world() -> World:
    from mobula._host_world import HostWorld

    return HostWorld()


current: World = _real_world()
