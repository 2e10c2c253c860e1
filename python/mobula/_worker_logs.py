# SPDX-License-Identifier: Apache-2.0
"""The log files of nodes, as Ray's state functions read them."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mobula._runtime import current

if TYPE_CHECKING:
    from mobula._cluster.logs import Source

# What a log's name begins with -> how Ray calls the group.
_GROUPS = {"worker-": "worker", "zygote": "internal", "mobulad": "raylet"}
_TAIL = 1000


def list_logs(
    *, node_id: str | None = None, node_ip: str | None = None, glob_filter: str = "*"
) -> dict[str, list[str]]:
    """The names of a node's log files, in groups: "worker_out", "worker_err", "raylet", ..."""
    groups: dict[str, list[str]] = {}
    for file in _source(node_id, node_ip).files():
        name: str = file["name"]
        if fnmatch.fnmatch(name, glob_filter):
            groups.setdefault(_group_of(name), []).append(name)
    return {group: sorted(names) for group, names in sorted(groups.items())}


def get_log(
    *,
    filename: str | None = None,
    actor_id: str | None = None,
    pid: int | None = None,
    node_id: str | None = None,
    node_ip: str | None = None,
    follow: bool = False,
    tail: int = -1,
    suffix: str = "out",
    _interval: float | None = None,
) -> Iterator[str]:
    """The last lines of a log: of a file of a node, of an actor's process, or of that of a pid.

    ``tail`` is how many lines, -1 for the last thousand; ``suffix`` "out" or "err". With ``follow``
    it goes on with what is written, looking every ``_interval`` seconds.
    """
    if suffix not in ("out", "err"):
        raise ValueError(f"suffix takes 'out' or 'err', got {suffix!r}")
    if sum(one is not None for one in (filename, actor_id, pid)) != 1:
        raise ValueError("get_log takes one of filename, actor_id and pid")
    if filename is None:
        worker = _worker_of(actor_id, pid, node_id)
        node_id, filename = worker["node"], f"worker-{worker['worker']}.{suffix}"
    return _read(_source(node_id, node_ip), filename, tail, follow, _interval or 0.5)


def _read(source: Source, filename: str, tail: int, follow: bool, interval: float) -> Iterator[str]:
    text, offset = source.end(filename, _TAIL if tail < 0 else tail)
    yield text
    while follow:
        text, offset = source.more(filename, offset)
        if text:
            yield text
        else:
            time.sleep(interval)


def _group_of(name: str) -> str:
    group = next((group for start, group in _GROUPS.items() if name.startswith(start)), "other")
    suffix = name.rpartition(".")[2]
    return f"{group}_{suffix}" if group == "worker" and suffix in ("out", "err") else group


def _worker_of(actor_id: str | None, pid: int | None, node_id: str | None) -> dict[str, Any]:
    if actor_id is not None:
        from mobula.util.state import get_actor

        actor = get_actor(actor_id)
        if actor is None:
            raise ValueError(f"there is no actor {actor_id!r}: see list_actors")
        pid, node_id = actor.pid, actor.node_id
    for worker in current().runtime.workers():
        if worker["pid"] == pid and node_id in (None, worker["node"]):
            return worker
    raise ValueError(f"no living process has the pid {pid}: see list_workers")


def _source(node_id: str | None, node_ip: str | None) -> Source:
    from mobula._cluster.logs import Source
    from mobula._host_runtime import HostRuntime

    runtime = current().runtime
    if not isinstance(runtime, HostRuntime):
        raise RuntimeError(
            "simulated workers have no log files: what they print is the simulation's output"
        )
    own = str(runtime.identity["node"]["node"])
    by_address = [
        node["info"]["node"]
        for node in (runtime.access().nodes() if node_ip is not None else ())
        if node["alive"] and node["info"]["address"].rpartition(":")[0] == node_ip
    ]
    if node_ip is not None and not by_address:
        raise ValueError(f"no living node has the address {node_ip!r}: see list_nodes")
    return Source.of(runtime.access(), node_id or next(iter(by_address), own))
