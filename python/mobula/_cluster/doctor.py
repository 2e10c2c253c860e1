# SPDX-License-Identifier: Apache-2.0
"""Whether this host can be a node: one check after the other, and what to do where one fails."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import mmap
import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import psutil

from mobula import _daemon
from mobula._cluster import query
from mobula._cluster.start import HEAD_PORT
from mobula._cluster.status import bytes_text

_DASHBOARD_PORT = 8265
_DESCRIPTORS_MIN = 4096
_PROCESSES_MIN = 1024
_DISK_MIN = 2 << 30
# Of the host's memory, the store takes that by default; see options.cc.
_STORE_SHARE = 0.3


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    # "ok", "note" for what may be meant so, or "bad".
    state: str
    what: str
    # What to do, unless it is ok.
    advice: str = ""


def examine(address: str | None, token_file: str | None, tls_dir: str | None) -> Iterator[Finding]:
    """All checks; that of the cluster at an address only where there is one."""
    yield _daemon_program()
    yield from _ports()
    yield _shared_memory()
    yield _memory()
    yield from _limits()
    yield _session_folder()
    yield _disk()
    yield _addresses()
    yield from _own_nodes()
    if address is not None:
        yield _cluster(address, token_file, tls_dir)


def _daemon_program() -> Finding:
    package = importlib.metadata.version("mobula")
    try:
        done = subprocess.run([_daemon.MOBULAD, "--version"], capture_output=True, text=True)
    except OSError as error:
        return Finding("bad", f"mobulad cannot be run: {error}", "install the package again")
    version = done.stdout.strip()
    if version != package:
        return Finding(
            "bad",
            f"mobulad is of version {version or 'unknown: ' + done.stderr.strip()}, the package of "
            f"{package}",
            "install the package again, or build it with `bash tools/setup`",
        )
    return Finding("ok", f"mobula {package}; all hosts of a cluster need the same version")


def _running() -> list[dict[str, Any]]:
    """None where the session folders are in disorder, which is a finding of its own."""
    try:
        return _daemon.running()
    except OSError:
        return []


def _ports() -> Iterator[Finding]:
    running = _running()
    nodes = {node["node_address"].rpartition(":")[2] for node in running}
    pages = {node["webui_url"].rpartition(":")[2] for node in running}
    for port, use, option, ours in (
        (HEAD_PORT, "the head", "--port", nodes),
        (_DASHBOARD_PORT, "the page", "--dashboard-port", pages),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError as error:
                if str(port) in ours:
                    yield Finding("ok", f"port {port} is used by a node of mobula")
                else:
                    yield Finding(
                        "note",
                        f"port {port}, which {use} takes by default, cannot be used: "
                        f"{error.strerror}",
                        f"end what uses it (`ss -ltnp sport = :{port}` shows what), or choose "
                        f"another with {option}",
                    )
            else:
                yield Finding("ok", f"port {port} is free for {use}")


def _shared_memory() -> Finding:
    size = 1 << 20
    try:
        descriptor = os.memfd_create("mobula-doctor")
        try:
            os.ftruncate(descriptor, size)
            with mmap.mmap(descriptor, size) as memory:
                memory[size - 1] = 1
        finally:
            os.close(descriptor)
    except OSError as error:
        return Finding(
            "bad",
            f"shared memory cannot be made: {error.strerror}",
            "let the container or sandbox allow memfd_create and mmap",
        )
    return Finding("ok", "shared memory can be made")


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    limit = _container_limit()
    store = _STORE_SHARE * memory.total
    if limit is not None and limit < memory.total:
        return Finding(
            "note" if limit > store else "bad",
            f"this container may use {bytes_text(limit)} of the host's {bytes_text(memory.total)}",
            f"start the node with --object-store-memory={int(_STORE_SHARE * limit)} and with "
            f"--memory, which mobula otherwise takes from the host",
        )
    if memory.available < store:
        return Finding(
            "note",
            f"{bytes_text(memory.available)} of memory are free, less than the "
            f"{bytes_text(store)} of the object store",
            "end other programs, or pass a smaller --object-store-memory",
        )
    return Finding(
        "ok", f"{bytes_text(memory.available)} of {bytes_text(memory.total)} of memory are free"
    )


def _container_limit() -> int | None:
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            text = file.read().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _limits() -> Iterator[Finding]:
    for name, number, least, flag in (
        ("open files", resource.RLIMIT_NOFILE, _DESCRIPTORS_MIN, "-n"),
        ("processes", resource.RLIMIT_NPROC, _PROCESSES_MIN, "-u"),
    ):
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY and hard < least:
            yield Finding(
                "bad",
                f"{hard} {name} are allowed at most; a node needs {least}",
                f"raise the hard limit (`ulimit -H {flag}`, /etc/security/limits.conf)",
            )
        else:
            shown = "any number of" if hard == resource.RLIM_INFINITY else f"up to {hard}"
            yield Finding("ok", f"{shown} {name} are allowed")
    size = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if size != resource.RLIM_INFINITY:
        yield Finding(
            "bad",
            f"files may have {bytes_text(size)} at most, the object store and spilled objects, too",
            "lift the limit: ulimit -f unlimited",
        )


def _session_folder() -> Finding:
    try:
        root = _daemon.session_root()
        probe = os.path.join(root, f".doctor-{os.getpid()}")
        os.mkdir(probe)
        os.rmdir(probe)
    except OSError as error:
        return Finding("bad", f"session folders cannot be made: {error}", "set MOBULA_TMPDIR")
    return Finding("ok", f"session folders go to {root}")


def _disk() -> Finding:
    try:
        free = shutil.disk_usage(_daemon.session_root()).free
    except OSError as error:
        return Finding("bad", f"the disk cannot be looked at: {error}", "set MOBULA_TMPDIR")
    if free < _DISK_MIN:
        return Finding(
            "note",
            f"{bytes_text(free)} are free for logs and spilled objects",
            "make room, or pass --object-spilling-directory or set MOBULA_TMPDIR",
        )
    return Finding("ok", f"{bytes_text(free)} are free for logs and spilled objects")


def _addresses() -> Finding:
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    if not found:
        return Finding(
            "note",
            "this host has no address but those of the loopback interface",
            "connect it to a network before it joins others",
        )
    return Finding("ok", f"for --node-ip-address this host has {', '.join(found)}")


def _own_nodes() -> Iterator[Finding]:
    for node in _running():
        address = node["node_address"]
        try:
            query.access(node["cluster_address"]).ask_bytes("/logs", address)
        except (OSError, query.QueryError) as error:
            yield Finding(
                "bad",
                f"the node at {address} (pid {node['pid']}) does not answer: {error}",
                f"look into {node['session_dir']}/logs/mobulad.log; `mobula stop --force` ends it",
            )
        else:
            yield Finding("ok", f"the node at {address} answers")


def _cluster(address: str, token_file: str | None, tls_dir: str | None) -> Finding:
    try:
        nodes = query.access(address, token_file, tls_dir).nodes()
    except (OSError, query.QueryError) as error:
        return Finding("bad", f"the cluster at {address} cannot be asked", str(error))
    alive = sum(node["alive"] for node in nodes)
    return Finding("ok", f"the cluster at {address} answers; living nodes: {alive}")
