# SPDX-License-Identifier: Apache-2.0
"""Asking the daemons of a cluster, as an operator's tools do: without joining it."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from mobula import _daemon
from mobula._cluster.start import read_token

# A daemon is asked by a small process of its own.
_AT_ONCE = 16


class QueryError(RuntimeError):
    """A daemon did not answer; says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Access:
    """A cluster, and what opens it."""

    # Of its head.
    address: str
    token: str = ""
    tls_dir: str = ""

    def ask(self, path: str, address: str | None = None) -> Any:
        """What the daemon at an address, or the head, answers to GET ``path``, which is JSON.

        Raises:
            QueryError: It does not.
        """
        return json.loads(self.ask_bytes(path, address))

    def ask_bytes(self, path: str, address: str | None = None) -> bytes:
        """As `ask`, whatever it answers."""
        command = [_daemon.MOBULAD, f"--query={path}", f"--address={address or self.address}"]
        if self.tls_dir:
            command.append(f"--tls-dir={self.tls_dir}")
        environment = {**os.environ, "MOBULA_TOKEN": self.token}
        done = subprocess.run(command, env=environment, capture_output=True)
        if done.returncode != 0:
            raise QueryError(done.stderr.decode().strip().removeprefix("mobulad: "))
        return done.stdout

    def nodes(self) -> list[dict[str, Any]]:
        """Every node that is or was in the cluster, with amounts of resources as numbers."""
        nodes: list[dict[str, Any]] = self.ask("/api/nodes")
        for node in nodes:
            node["available"] = amounts(node["available"])
            node["info"]["total"] = amounts(node["info"]["total"])
            for demand in node["demand"]:
                demand["resources"] = amounts(demand["resources"])
        return nodes

    def ask_nodes(
        self, path: str, nodes: Sequence[dict[str, Any]]
    ) -> list[tuple[dict[str, Any], Any]]:
        """What each of these nodes answers; a QueryError in its place if it does not."""

        def ask_one(node: dict[str, Any]) -> Any:
            try:
                return self.ask(path, node["info"]["address"])
            except QueryError as error:
                return error

        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(zip(nodes, pool.map(ask_one, nodes), strict=True))


def amounts(resources: dict[str, Any]) -> dict[str, float]:
    """By name, of the ten-thousandths in which the runtime counts."""
    return {name: units / 10_000 for name, units in resources["units"].items()}


def of_session(session_dir: str) -> Access:
    """The cluster of the node that has this session folder on this host.

    Raises:
        OSError: Its record cannot be read.
    """
    with open(os.path.join(session_dir, "node.json")) as file:
        record = json.load(file)
    token = read_token(record["token_file"]) if record["token_file"] else ""
    return Access(record["cluster_address"], token, record["tls_dir"])


def access(
    address: str | None = None, token_file: str | None = None, tls_dir: str | None = None
) -> Access:
    """The cluster at an address, or that of a node on this host.

    Raises:
        OSError: There is no address, and no node here; or the token cannot be read.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    try:
        record = _daemon.find(address)
    except OSError:
        if address == "auto":
            raise
        record = {"cluster_address": address}
    token = os.environ.get("MOBULA_TOKEN", "")
    if token_file or record.get("token_file"):
        token = read_token(token_file or record["token_file"])
    return Access(record["cluster_address"], token, tls_dir or record.get("tls_dir", ""))
