# SPDX-License-Identifier: Apache-2.0
"""The simulated world as the package sees it: how programs get into its cluster and out again."""

from __future__ import annotations

import json
import os
from typing import Any

import mobula
from mobula import _core, _job_config, _sim_process
from mobula._runtime import Execution, Runtime
from mobula._sim_hub import Hub
from mobula._sim_options import SimOptions, session_dir
from mobula._sim_runtime import SimRuntime
from mobula._virtual_net import STATUS_ADDRESS
from mobula._world import InitOptions, Node, NodeOptions, World, check_version
from mobula.faults import At, CrashNode, Plan

_HEAD = "n1"
_ADDRESS = f"{_HEAD}:6379"
# What workers have written reaches the driver before it leaves.
_LAST_WORDS_NS = 5_000_000
# Between two looks whether a node that was started is there.
_NODE_POLL_NS = 1_000_000


class SimWorld(World):
    """One simulated cluster; each driver that connects to it when it does not run starts it."""

    def __init__(self, hub: Hub, options: SimOptions) -> None:
        """Makes the world of `hub`; its nodes have what `options` say until `connect`."""
        self._hub = hub
        self._options = options
        hub.end_node = lambda name, graceful: SimNode(self, hub, name).stop(graceful)
        self._nodes_started = 0
        # Of the program that has started nodes.
        self._version = ""
        self._owns_cluster = False

    @property
    def hub(self) -> Hub:
        """The hub of the simulation."""
        return self._hub

    @property
    def root(self) -> Execution | None:
        """What runs outside any task in the calling process."""
        process = _sim_process.current()
        return None if process is None else process.root

    @root.setter
    def root(self, execution: Execution | None) -> None:
        process = _sim_process.current()
        if process is not None:
            process.root = execution

    def connect(self, options: InitOptions) -> tuple[Runtime, dict[str, Any]]:
        """Adds a driver to the cluster, which it starts on the nodes of the simulation."""
        hub = self._hub
        self._owns_cluster = options.address in (None, "local") and self._nodes_started == 0
        if self._nodes_started > 0:
            check_version(self._version)
        if not hub.world.cluster_runs() and self._nodes_started == 0:
            self._hub.world.reserve_nodes(False)
            self._configure(_HEAD, options.node)
        # Simulated workers live in the driver's process: they need not be told its paths, which
        # would be a part of what is simulated.
        if options.language_config:
            fields = json.loads(options.language_config)
            _job_config.extend_path(fields)
            for library in fields.get("libraries", ()):
                hub.cpp_workers.load(library)
        facts = _job_config.facts_of(options.language_config)
        config = json.dumps(facts).encode() if facts else b""
        worker = hub.world.add_driver(options.namespace, config, options.lineage_bytes_max)
        hub.driver.worker = worker
        hub.add_process(hub.driver)
        hub.wait_until_ready(worker)
        runtime = SimRuntime(hub, worker, log_to_driver=options.log_to_driver)
        hub.driver.runtime = runtime
        return runtime, self._facts(runtime, options)

    def disconnect(self, runtime: Runtime) -> None:
        """Takes the driver out; ends the cluster if `connect` started it."""
        assert isinstance(runtime, SimRuntime)
        hub = self._hub
        hub.sleep_ns(_LAST_WORDS_NS)
        hub.remove_process(runtime.worker)
        if runtime.is_connected():
            hub.world.end_process(runtime.worker, "the driver has left")
        hub.driver.worker, hub.driver.runtime = "", None
        if self._owns_cluster:
            hub.stop_cluster()

    def has_process(self, pid: int) -> bool:
        """Whether a simulated process or daemon has that number."""
        return self._hub.find_pid(pid) is not None or self._hub.find_daemon(pid) is not None

    def own_node(self) -> Node:
        """The head, where the driver is."""
        if not self._owns_cluster:
            raise RuntimeError("this program has started no node of its own by mobula.init()")
        return SimNode(self, self._hub, _HEAD)

    def start_node(self, options: NodeOptions, cluster_address: str | None) -> Node:
        """The first is the head and gets n1; each further one is added to the simulation."""
        if cluster_address is None:
            # The program says which nodes there are; the simulation's others get its shapes.
            self._hub.world.reserve_nodes(True)
            self._configure(_HEAD, options)
            self._version = mobula.__version__
            name = _HEAD
        else:
            name = self._hub.world.add_node(self._shape(options, options.labels))
            while self._hub.world.cluster_runs() and not self._hub.world.node_id(name):
                self._hub.sleep_ns(_NODE_POLL_NS)
        self._nodes_started += 1
        return SimNode(self, self._hub, name)

    def forget_nodes(self) -> None:
        """The cluster that `start_node` made has ended."""
        self._nodes_started = 0

    def _configure(self, name: str, options: NodeOptions) -> None:
        labels = {**self._options.labels()[0], **options.labels}
        self._hub.world.configure_node(name, self._shape(options, labels))

    def _shape(self, options: NodeOptions, labels: dict[str, str]) -> _core.NodeShape:
        """What a node has: as the simulation's options say where a program does not."""
        resources = {**self._options.resources(), **options.resources}
        for key, amount in (
            ("CPU", options.num_cpus),
            ("GPU", options.num_gpus),
            ("memory", options.memory),
        ):
            if amount is not None:
                resources[key] = float(amount)
        store = options.object_store_memory or self._hub.world.node_store_capacity(_HEAD)
        return _core.NodeShape(
            resources=resources,
            store_capacity=store,
            labels=labels,
            min_spilling_size=options.min_spilling_size,
            spills=options.spills,
        )

    def _facts(self, runtime: Runtime, options: InitOptions) -> dict[str, Any]:
        """What `init` tells. The folder is real and always the same: programs look into it."""
        session = session_dir()
        os.makedirs(os.path.join(session, "sockets"), exist_ok=True)
        return {
            "node_ip_address": "127.0.0.1",
            "raylet_ip_address": "127.0.0.1",
            "object_store_address": os.path.join(session, "sockets", "plasma_store"),
            "raylet_socket_name": os.path.join(session, "sockets", "raylet"),
            "webui_url": STATUS_ADDRESS,
            "session_dir": session,
            "metrics_export_port": 8080,
            "address": _ADDRESS,
            "node_id": runtime.identity["node"]["node"],
        }


class SimNode(Node):
    """A node of the simulation."""

    def __init__(self, world: SimWorld, hub: Hub, name: str) -> None:
        """Refers to the node of that name."""
        self._world = world
        self._hub = hub
        self.name = name
        self.address = _ADDRESS
        self.is_head = name == _HEAD
        self.pid = hub.daemon_pid(name)

    @property
    def node_id(self) -> str:  # type: ignore[override]
        """The id of the node's present incarnation."""
        return str(self._hub.world.node_id(self.name))

    def stop(self, graceful: bool) -> None:
        """Takes the node out of the cluster: in order, or as a crash does."""
        if self.name == _HEAD:
            self._world.forget_nodes()
            self._hub.stop_cluster()
        elif not self._hub.world.cluster_runs():
            return
        elif graceful:
            self._hub.world.remove_node(self.name)
        else:
            self._hub.world.inject(Plan([At(0).then(CrashNode(node=self.name))]).to_json())
