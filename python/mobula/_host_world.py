# SPDX-License-Identifier: Apache-2.0
"""The real world: processes of this machine."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

from mobula import _core
from mobula._host_runtime import HostRuntime
from mobula._runtime import Runtime
from mobula._world import InitOptions, Node, NodeOptions, World, check_version

if TYPE_CHECKING:
    from mobula import _daemon
    from mobula._notices import Notices

_LAST_WORDS_S = 0.5


class HostWorld(World):
    """Starts daemons, and connects this process to them."""

    def __init__(self) -> None:
        """In no cluster."""
        # Of the cluster that `connect` started.
        self._daemon: _daemon.Daemon | None = None
        # Shows what the driver is told to show.
        self._notices: Notices | None = None

    def connect(self, options: InitOptions) -> tuple[Runtime, dict[str, Any]]:
        """Connects to a daemon of this machine, which it starts unless there is an address."""
        # Not above: workers import this, and neither start nodes nor show anything.
        from mobula import _daemon, _log_repeats
        from mobula._notices import Notices

        repeats = _log_repeats.from_environment()
        if options.address in (None, "local"):
            self._daemon = _daemon.Daemon(
                _daemon.DaemonSpec(
                    node=options.node,
                    dashboard_port=options.dashboard_port if options.include_dashboard else -1,
                )
            )
            facts = self._daemon.facts
        else:
            assert options.address is not None
            facts = _daemon.find(options.address)
            check_version(facts.get("version", "unknown"))
        try:
            process = _core.connect(
                facts["socket_name"],
                ray_namespace=options.namespace,
                language_config=options.language_config,
                lineage_bytes_max=options.lineage_bytes_max,
            )
        except BaseException:
            self._stop_daemon()
            raise
        runtime = HostRuntime(process)
        _wake_by_signals(process.wakeup_fd())
        self._notices = Notices(
            process, runtime.identity["node"]["name"], repeats, show_logs=options.log_to_driver
        )
        return runtime, facts

    def disconnect(self, runtime: Runtime) -> None:
        """Closes the connection; ends the daemon if ``connect`` started it."""
        assert isinstance(runtime, HostRuntime)
        _hear_last_words(runtime)
        _wake_by_signals(-1)
        runtime.process.close("mobula.shutdown() was called")
        if self._notices is not None:
            self._notices.join(_LAST_WORDS_S)
        self._stop_daemon()

    def _stop_daemon(self) -> None:
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def has_process(self, pid: int) -> bool:
        """Whether it runs; one that has ended and that nobody has reaped does not."""
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def own_node(self) -> Node:
        """The daemon that ``connect`` has started."""
        if self._daemon is None:
            raise RuntimeError("this program has started no node of its own by mobula.init()")
        return HostNode(self._daemon, None)

    def start_node(self, options: NodeOptions, cluster_address: str | None) -> Node:
        """One more daemon on this machine."""
        from mobula import _daemon

        spec = _daemon.DaemonSpec(node=options, cluster_address=cluster_address, dashboard_port=-1)
        return HostNode(_daemon.Daemon(spec), cluster_address)


class HostNode(Node):
    """A daemon that ``cluster_utils`` started."""

    def __init__(self, daemon: _daemon.Daemon, cluster_address: str | None) -> None:
        """``cluster_address`` is None for a head."""
        self._daemon = daemon
        self.node_id = daemon.facts["node_id"]
        self.pid = daemon.pid
        self.is_head = cluster_address is None
        self.address = cluster_address or daemon.facts["address"]

    def stop(self, graceful: bool) -> None:
        """In order, or by ``kill -9``."""
        if graceful:
            self._daemon.stop()
        else:
            self._daemon.kill()


def _wake_by_signals(descriptor: int) -> None:
    """Lets a signal end the main thread's wait, whichever thread it arrives in."""
    if threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)


def _hear_last_words(runtime: HostRuntime) -> None:
    """Waits for the lines that workers wrote before their tasks ended.

    Such a line lies in a pipe that the daemon is about to read. Two questions that pass through
    the daemon take longer than that, and their answers come after the line. In a thread, because a
    cluster in trouble may not answer.
    """

    def ask_twice() -> None:
        with contextlib.suppress(Exception):
            for _ in range(2):
                runtime.await_request(runtime.process.request_nodes())

    if runtime.process.is_connected():
        thread = threading.Thread(target=ask_twice, name="mobula-last-words", daemon=True)
        thread.start()
        thread.join(_LAST_WORDS_S)
