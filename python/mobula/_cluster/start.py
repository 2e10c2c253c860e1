# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping the node of this host."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import signal
import socket
import time
from typing import Any

from mobula import _daemon
from mobula._fault_processes import kill_tree
from mobula._world import NodeOptions

# Ray's.
HEAD_PORT = 6379
_LOOPBACK = "127.0.0.1"
_STOP_TIMEOUT_S = 10.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartOptions:
    """What `mobula start` was asked for."""

    # Of the cluster to join; None for the head of a new one.
    address: str | None = None
    node: NodeOptions = dataclasses.field(default_factory=NodeOptions)
    # None: HEAD_PORT on the head, any elsewhere.
    port: int | None = None
    # None: the loopback interface on the head, elsewhere the address from which it is reached.
    node_ip_address: str | None = None
    node_name: str = ""
    dashboard_host: str = _LOOPBACK
    dashboard_port: int | None = None
    # Where the GCS keeps its log: a folder, or redis://...
    storage: str = ""
    # How long a node may be silent until the head calls it dead; None: as usual.
    node_timeout_ms: int | None = None
    suspicion_timeout_ms: int | None = None
    # Nodes that get one large object from this one at a time; None: as usual.
    transfer_fan_out: int | None = None
    # None: a new one on the head; elsewhere what the environment says, or a node of the same
    # cluster on this host has.
    token: str | None = None
    tls_dir: str = ""


def start(options: StartOptions) -> _daemon.Daemon:
    """Starts a node that outlives this process; returns when it is a member of its cluster.

    Raises:
        RuntimeError: It cannot be started; says why, and what to do.
    """
    host = options.node_ip_address or _own_address(options.address)
    flags = [f"--listen={host}", f"--dashboard-host={options.dashboard_host}"]
    if options.storage:
        is_folder = "://" not in options.storage
        place = os.path.abspath(options.storage) if is_folder else options.storage
        flags.append(f"--storage={place}")
    for flag, number in (
        ("node-timeout-ms", options.node_timeout_ms),
        ("suspicion-timeout-ms", options.suspicion_timeout_ms),
        ("transfer-fan-out", options.transfer_fan_out),
    ):
        if number is not None:
            flags.append(f"--{flag}={number}")
    port = options.port
    if port is None:
        port = HEAD_PORT if options.address is None else 0
    spec = _daemon.DaemonSpec(
        node=options.node,
        cluster_address=options.address,
        dashboard_port=options.dashboard_port,
        port=port,
        flags=tuple(flags),
        name=options.node_name,
        token=_token(options),
        tls_dir=os.path.abspath(options.tls_dir) if options.tls_dir else "",
    )
    return _daemon.Daemon(spec, outlives=True)


def new_token() -> str:
    """The name of a new cluster, and 256 bits that nobody guesses."""
    return f"{secrets.token_hex(4)}.{secrets.token_urlsafe(32)}"


def read_token(path: str) -> str:
    """What a token file holds; the daemon checks its form.

    Raises:
        PermissionError: Others can read it, too.
    """
    with open(path) as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(
                f"the token file {path} can be read by other users; run: chmod 600 {path}"
            )
        return file.read().strip()


def _token(options: StartOptions) -> str:
    if options.token is not None:
        return options.token
    if given := os.environ.get("MOBULA_TOKEN"):
        return given
    if options.address is None:
        return new_token()
    with contextlib.suppress(ConnectionError):
        path = _daemon.find(options.address).get("token_file")
        return read_token(path) if path else ""
    return ""


def _own_address(cluster_address: str | None) -> str:
    """By which the head can reach this host: the source of what is sent to it."""
    if cluster_address is None:
        return _LOOPBACK
    host, _, port = cluster_address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent.
            probe.connect((host, int(port)))
        except OSError as error:
            raise RuntimeError(
                f"the head at {cluster_address} cannot be reached from this host: "
                f"{error.strerror}; correct --address, or see whether this host's network is up"
            ) from error
        address: str = probe.getsockname()[0]
        return address


def stop(*, force: bool) -> list[dict[str, Any]]:
    """Stops the nodes that `start` started on this host; returns their records.

    The head comes last, so that the others can take their leave.
    """
    records = [record for record in _daemon.running() if record.get("outlives_starter")]
    records.sort(key=lambda record: record["is_head"])
    for record in records:
        end(record, force=force)
    return records


def end(record: dict[str, Any], *, force: bool) -> None:
    """Stops the node of a record: in order, or by killing it.

    The logs stay for a day, for who wants to know what happened; see _daemon._sweep.
    """
    _end_process(record["pid"], force)
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(record["session_dir"], "token"))
    shutil.rmtree(os.path.join(record["session_dir"], "sockets"), ignore_errors=True)


def _end_process(pid: int, force: bool) -> None:
    if not force:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while _daemon.is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
    if _daemon.is_running(pid):
        kill_tree(pid)
