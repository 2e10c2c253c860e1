# SPDX-License-Identifier: Apache-2.0
"""`mobula run` with more than one node or with a fault plan.

This process is the controller. It starts the nodes n1, n2, ... as daemons of this machine and the
program as a driver on n1, in a process of its own, and executes the plan on them. All of them end
with this process, however it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from mobula import _core, _daemon
from mobula._fault_controller import ClusterNode, FaultController
from mobula._sim_options import parse_labels
from mobula._world import NodeOptions

# What Reporter::kVariable is called (runtime/host/local/reporter.h), and the cluster's address.
_CONTROL_VARIABLE = "MOBULA_FAULT_CONTROL"
# The program's way out after it was asked to end.
_PATIENCE_S = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """One run: the cluster, the plan."""

    nodes: int = 1
    cpus: float = 4
    gpus: float = 0
    object_store_memory: int | None = None
    # A plan file; empty for none.
    faults: str = ""
    seed: int = 0
    # "n2:rack=r1".
    label: Sequence[str] = ()


def run(program: str, arguments: Sequence[str], options: ClusterOptions) -> int:
    """Runs a program on a cluster, then reports; returns the program's exit code.

    Raises:
        ValueError: The plan is wrong, or cannot be executed here.
    """
    _sweep()
    prefix = f"control_{os.getpid()}_"
    folder = tempfile.mkdtemp(prefix=prefix, dir=_daemon.session_root())
    try:
        controller = FaultController(_nodes(options, folder), folder, _injector(options))
        return _Run(controller).execute(program, arguments, reports=bool(options.faults))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Removes the folders of controllers that were killed."""
    for folder in glob.glob(os.path.join(glob.escape(_daemon.session_root()), "control_*_*")):
        if not os.path.exists(f"/proc/{os.path.basename(folder).split('_')[1]}"):
            shutil.rmtree(folder, ignore_errors=True)


def _nodes(options: ClusterOptions, folder: str) -> list[ClusterNode]:
    nodes = []
    for number, labels in enumerate(parse_labels(options.label, options.nodes), 1):
        name = f"n{number}"
        offer = NodeOptions(
            num_cpus=options.cpus,
            num_gpus=options.gpus or None,
            object_store_memory=options.object_store_memory or 1 << 30,
            memory=8e9,
            labels=labels,
        )
        spec = _daemon.DaemonSpec(
            node=offer,
            dashboard_port=-1,
            name=name,
            fault_control=os.path.join(folder, "faults"),
            fault_seed=options.seed,
        )
        nodes.append(ClusterNode(spec, is_head=number == 1))
    return nodes


def _injector(options: ClusterOptions) -> Any:
    if not options.faults:
        return None

    def make(facts: list[Any]) -> _core.FaultInjector:
        injector = _core.FaultInjector(options.faults, options.seed, facts)
        for kind, place in injector.kinds():
            if not hasattr(FaultController, f"_begin_{kind}"):
                raise ValueError(
                    f"{place}: {kind} can be executed in the simulator only (mobula sim --faults)"
                )
        return injector

    return make


class _Run:
    """The loop around one program."""

    def __init__(self, controller: FaultController) -> None:
        self._controller = controller
        self._selector = selectors.DefaultSelector()
        self._selector.register(controller.server, selectors.EVENT_READ, "control")
        self._driver: subprocess.Popen[bytes] | None = None
        # By the identity of a node: the daemon whose start is, or was, waited for.
        self._watched: dict[int, _daemon.Daemon] = {}

    def execute(self, program: str, arguments: Sequence[str], *, reports: bool) -> int:
        nodes = self._controller.all_nodes()
        try:
            address = self._start_head(nodes[0])
            for node in nodes[1:]:
                flags = ("--head", "--no-gcs") if node.is_head else ()
                node.spec = dataclasses.replace(node.spec, cluster_address=address, flags=flags)
            self._start(nodes[1:])
            with self._signals():
                self._start_driver(program, arguments, address)
                code = self._run_driver()
        finally:
            self._controller.close()
            self._stop(nodes)
        if reports:
            sys.stdout.flush()
            print(self._controller.report(), file=sys.stderr, flush=True)
        return code

    def _start_head(self, node: ClusterNode) -> str:
        self._start([node])
        assert node.daemon is not None
        address: str = node.daemon.facts["address"]
        # If it comes back, then under the address that all know.
        port = int(address.rpartition(":")[2])
        node.spec = dataclasses.replace(node.spec, port=port)
        return address

    def _start(self, nodes: list[ClusterNode]) -> None:
        for node in nodes:
            self._controller.start_node(node)
        while any(node.daemon is None or not node.daemon.facts for node in nodes):
            self._turn()

    def _turn(self) -> None:
        """Waits for the next thing that happens, and handles it."""
        self._watch_starting()
        for key, _ in self._selector.select(self._controller.handle_timers()):
            if key.data == "control":
                self._controller.handle_ready()
            elif isinstance(key.data, ClusterNode):
                self._selector.unregister(key.fileobj)
                if key.data.daemon is not None and key.data.daemon.ready is key.fileobj:
                    self._controller.node_is_ready(key.data)

    def _watch_starting(self) -> None:
        """Daemons come up whenever the plan says so."""
        self._forget_closed()
        for node in self._controller.all_nodes():
            daemon = node.daemon
            if daemon is not None and self._watched.get(id(node)) is not daemon:
                self._watched[id(node)] = daemon
                self._selector.register(daemon.ready, selectors.EVENT_READ, node)

    def _forget_closed(self) -> None:
        """Of daemons that were killed while they started."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, ClusterNode) and getattr(key.fileobj, "closed", False):
                self._selector.unregister(key.fileobj)

    def _start_driver(self, program: str, arguments: Sequence[str], address: str) -> None:
        command = [sys.executable, "-m", "mobula._cluster_driver", address, program, *arguments]
        environment = _daemon.child_environment()
        environment[_CONTROL_VARIABLE] = f"n1:{self._controller.server.path}"
        self._driver = subprocess.Popen(command, env=environment)

    def _run_driver(self) -> int:
        assert self._driver is not None
        watch = os.pidfd_open(self._driver.pid)
        self._selector.register(watch, selectors.EVENT_READ, "driver")
        try:
            while self._driver.poll() is None:
                self._turn()
        finally:
            self._selector.unregister(watch)
            os.close(watch)
            self._end_driver()
        code = self._driver.returncode
        return 128 - code if code < 0 else code

    def _end_driver(self) -> None:
        assert self._driver is not None
        if self._driver.poll() is None:
            self._driver.kill()
            self._driver.wait()

    @contextlib.contextmanager
    def _signals(self) -> Any:
        """An interrupt at the terminal is the program's; so is a polite request to end."""

        def interrupted(number: int, frame: Any) -> None:
            self._controller.resume_all()

        def terminated(number: int, frame: Any) -> None:
            self._controller.resume_all()
            if self._driver is not None:
                self._driver.terminate()

        before = [
            (number, signal.signal(number, handler))
            for number, handler in ((signal.SIGINT, interrupted), (signal.SIGTERM, terminated))
        ]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def _stop(self, nodes: list[ClusterNode]) -> None:
        daemons = [node.daemon for node in nodes if node.daemon is not None]
        for daemon in daemons:
            daemon.ask_to_stop()
        for daemon in daemons:
            daemon.stop()
        self._selector.close()
