# SPDX-License-Identifier: Apache-2.0
"""Node daemons of this host: starting them, ending them, finding those that run."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

import mobula
from mobula._world import NodeOptions

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
MOBULAD = os.path.join(_PACKAGE, "mobulad")
CPP_WORKER = os.path.join(_PACKAGE, "mobula_cpp_worker")
_STOP_TIMEOUT_S = 10.0
_KEPT_S = 24 * 3600.0
# The record that a daemon writes into its session folder.
_RECORD = "node.json"


def session_root() -> str:
    """Where the session folders of this user's nodes lie."""
    root = os.environ.get("MOBULA_TMPDIR")
    if root is None:
        root = os.path.join(tempfile.gettempdir(), f"mobula-{os.getuid()}")
        os.makedirs(root, mode=0o700, exist_ok=True)
        # Anybody may make a folder of that name, and then put records of daemons there.
        facts = os.stat(root)
        if facts.st_uid != os.getuid() or facts.st_mode & 0o022:
            raise PermissionError(
                f"{root} belongs to another user, or others may write there; remove it, or set "
                f"MOBULA_TMPDIR to a folder of your own"
            )
    os.makedirs(root, mode=0o700, exist_ok=True)
    return root


def _make_session() -> str:
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    session = tempfile.mkdtemp(prefix=f"session_{stamp}_{os.getpid()}_", dir=session_root())
    for folder in ("sockets", "logs"):
        os.mkdir(os.path.join(session, folder))
    return session


def _sweep() -> None:
    """Removes the folders that daemons left behind whose drivers were killed, after a day."""
    for session in glob.glob(os.path.join(glob.escape(session_root()), "session_*")):
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(session, _RECORD)) as file:
                record = json.load(file)
            if time.time() - record["started"] > _KEPT_S and not is_running(record["pid"]):
                shutil.rmtree(session, ignore_errors=True)


def child_environment() -> dict[str, str]:
    """Returns the environment of a process that is to import this package."""
    environment = dict(os.environ)
    paths = [os.path.dirname(_PACKAGE), environment.get("PYTHONPATH")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


@dataclasses.dataclass(frozen=True, kw_only=True)
class DaemonSpec:
    """What a new daemon is told besides what its node offers."""

    node: NodeOptions
    # Of the cluster to join, "host:port"; None for the head of a new one.
    cluster_address: str | None = None
    # None: the usual one or, if that is taken, any. -1: no dashboard.
    dashboard_port: int | None = None
    # 0 for any.
    port: int = 0
    # Further options of mobulad.
    flags: tuple[str, ...] = ()
    # For people and fault plans; empty: the host's.
    name: str = ""
    # Both empty: what the environment says, or none.
    token: str = ""
    tls_dir: str = ""
    # The socket of the controller of a fault plan, and what its link faults draw from.
    fault_control: str = ""
    fault_seed: int = 0


def number_in(variable: str) -> int | None:
    """What one of Ray's variables says; None if it is not set."""
    text = os.environ.get(variable)
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"{variable} must be a number that is not negative, got {text!r}")
    return int(text)


def _memory_setting(node: NodeOptions, name: str) -> Any:
    """As in Ray, an environment variable stands for what is not said; mobulad checks it."""
    value = getattr(node, name)
    return os.environ.get(f"RAY_{name}") if value is None else value


def _arguments(spec: DaemonSpec, session: str) -> list[str]:
    node = spec.node
    arguments = [f"--session-dir={session}", f"--port={spec.port}", *spec.flags]
    if spec.cluster_address is None:
        arguments.append("--head")
    else:
        arguments.append(f"--address={spec.cluster_address}")
    for option, amount in (
        ("num-cpus", node.num_cpus),
        ("num-gpus", node.num_gpus),
        ("memory", node.memory),
        ("object-store-memory", node.object_store_memory),
        ("spill-directory", node.object_spilling_directory),
        ("min-spilling-size", node.min_spilling_size),
        ("memory-usage-threshold", _memory_setting(node, "memory_usage_threshold")),
        ("memory-monitor-period-ms", _memory_setting(node, "memory_monitor_refresh_ms")),
        ("dashboard-port", spec.dashboard_port),
        ("log-bytes-max", number_in("RAY_ROTATION_MAX_BYTES")),
        ("log-older-max", number_in("RAY_ROTATION_BACKUP_COUNT")),
    ):
        if amount is not None:
            arguments.append(f"--{option}={amount}")
    if not node.spills:
        arguments.append("--no-spilling")
    if node_name := spec.name or node.node_name:
        arguments.append(f"--node-name={node_name}")
    if spec.token:
        arguments.append(f"--token-file={_write_token(spec.token, session)}")
    if spec.tls_dir:
        arguments.append(f"--tls-dir={spec.tls_dir}")
    if spec.fault_control:
        arguments.append(f"--fault-control={spec.fault_control}")
        arguments.append(f"--fault-seed={spec.fault_seed}")
    for option, names in (("resources", node.resources), ("labels", node.labels)):
        if names:
            arguments.append(f"--{option}={json.dumps(names)}")
    zygote = [sys.executable, "-P", "-m", "mobula._zygote", session]
    arguments.append(f"--zygote-command={json.dumps(zygote)}")
    helper = [sys.executable, "-P", "-m", "mobula._spill_helper"]
    arguments.append(f"--spill-command={json.dumps(helper)}")
    arguments.append(f"--cpp-worker-command={json.dumps([CPP_WORKER])}")
    arguments.append(f"--client-version={mobula.__version__}")
    return arguments


def _write_token(token: str, session: str) -> str:
    path = os.path.join(session, "token")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    return path


class Daemon:
    """A ``mobulad`` that this process started.

    It holds the reading end of a pipe whose writing end is only here: when this process ends,
    however it ends, the daemon reads the end of the pipe and takes its node down. One that
    ``outlives`` this process has no such pipe.
    """

    def __init__(self, spec: DaemonSpec, *, wait: bool = True, outlives: bool = False) -> None:
        """Starts it and waits until its node is a member of the cluster.

        Who does not ``wait`` calls ``finish_start`` when ``ready`` can be read.
        """
        _sweep()
        self._session = _make_session()
        self._lifeline = -1
        ready_read, ready_write = os.pipe()
        command = [MOBULAD, *_arguments(spec, self._session), f"--ready-fd={ready_write}"]
        passed = [ready_write]
        if not outlives:
            lifeline_read, self._lifeline = os.pipe()
            os.register_at_fork(after_in_child=self._close_lifeline)
            command.append(f"--lifeline-fd={lifeline_read}")
            passed.append(lifeline_read)
        try:
            self._process = self._spawn(command, passed)
        finally:
            for descriptor in passed:
                os.close(descriptor)
        self.pid = self._process.pid
        self.ready = os.fdopen(ready_read, "rb")
        self.facts: dict[str, Any] = {}
        if wait:
            self.finish_start()

    def finish_start(self) -> None:
        """Waits until its node is a member of the cluster."""
        with self.ready:
            text = self.ready.readline()
        self.facts = json.loads(text) if text else {"error": self._last_words()}
        if "error" in self.facts:
            self.stop()
            raise RuntimeError(f"the node cannot be started: {self.facts['error']}")

    def _spawn(self, command: list[str], descriptors: list[int]) -> subprocess.Popen[bytes]:
        with open(self._log_path(), "wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                env=child_environment(),
                # Ctrl-C at the terminal is the driver's.
                start_new_session=True,
            )

    def _log_path(self) -> str:
        return os.path.join(self._session, "logs", "mobulad.log")

    def _last_words(self) -> str:
        with open(self._log_path(), errors="replace") as log:
            return "mobulad ended at once: " + "".join(log.readlines()[-5:]).strip()

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lifeline)
            self._lifeline = -1

    def ask_to_stop(self) -> None:
        """Lets the node end in order; ``stop`` waits for it."""
        self._close_lifeline()

    def stop(self) -> None:
        """Ends the node in order, and removes its session folder."""
        self._close_lifeline()
        self.ready.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._session, ignore_errors=True)

    def wait(self) -> int:
        """Returns when it has ended: its exit status, or the signal's number below 0."""
        return self._process.wait()

    def kill(self) -> None:
        """Ends the daemon as a crash does; its workers end with it."""
        self._process.kill()
        self._process.wait()
        self.stop()


def running() -> list[dict[str, Any]]:
    """The records of this user's daemons that run on this host."""
    return [record for record in _records() if is_running(record["pid"])]


def find(address: str) -> dict[str, Any]:
    """The facts of a running daemon of this host: of the cluster at an address, or of the last.

    ``address`` is "auto" or "host:port".
    """
    records = running()
    if address != "auto":
        records = [record for record in records if _same(record, address)]
    if not records:
        where = "of this user" if address == "auto" else f"of the cluster at {address}"
        join = "--head" if address == "auto" else f"--address={address}"
        raise ConnectionError(
            f"no running node {where} was found on this host; start one with "
            f"`mobula start {join}`, or call mobula.init() without an address"
        )
    return max(records, key=lambda record: (record["is_head"], record["started"]))


def _same(record: dict[str, Any], address: str) -> bool:
    port = address.rpartition(":")[2]
    known = {record["cluster_address"], record["address"]}
    return address in known or (
        address.startswith(("localhost:", "127.0.0.1:"))
        and port in {one.rpartition(":")[2] for one in known}
    )


def _records() -> list[dict[str, Any]]:
    records = []
    for path in glob.glob(os.path.join(glob.escape(session_root()), "session_*", _RECORD)):
        with contextlib.suppress(OSError, ValueError), open(path) as file:
            records.append(json.load(file))
    return records


def is_running(pid: int) -> bool:
    """Whether a daemon has that process id."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, _, facts = file.read().partition("(")[2].rpartition(")")
            # One that has ended is there until its parent has heard of it.
            return name == "mobulad" and facts.split()[0] != "Z"
    except OSError:
        return False
