# SPDX-License-Identifier: Apache-2.0
"""Hosts as the launcher sees them, and who provides them."""

from __future__ import annotations

import abc
import dataclasses
import importlib
import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

from mobula._launch.cluster_file import ClusterFile, ClusterFileError

_CONNECT_TIMEOUT_S = 10


class HostError(RuntimeError):
    """A host cannot be reached, or a command failed there."""


class Host(abc.ABC):
    """One host, on which commands can be run."""

    # By which the other hosts reach it.
    ip: str

    @abc.abstractmethod
    def command(self, script: str) -> list[str]:
        """The words, on this host, that run a shell script there."""

    def run(self, script: str, given: bytes = b"") -> str:
        """Runs a script; returns what it writes.

        What must not be seen in lists of processes comes through its standard input, ``given``.

        Raises:
            HostError: It failed.
        """
        done = subprocess.run(self.command(script), input=given, capture_output=True)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise HostError(f"{self.ip}: {said or f'exit status {done.returncode}'}")
        return done.stdout.decode(errors="replace")

    def follow(self, script: str) -> int:
        """Runs a script with this process's own input and output; returns its exit status."""
        return subprocess.run(self.command(script)).returncode

    def put(self, local: str, remote: str) -> None:
        """Copies a file, or what is in a folder, there. ``remote`` may begin with ~/."""
        local = os.path.expanduser(local)
        place = _quoted(remote)
        if os.path.isdir(local):
            pack = ["tar", "-C", local, "-cf", "-", "."]
            script = f"mkdir -p {place} && tar -C {place} -xf -"
            content = subprocess.run(pack, check=True, capture_output=True).stdout
        else:
            script = f'mkdir -p "$(dirname {place})" && cat > {place}'
            with open(local, "rb") as file:
                content = file.read()
        self.run(script, content)


def _quoted(path: str) -> str:
    """For a shell, which is to know what ~ means."""
    return f"~/{shlex.quote(path[2:])}" if path.startswith("~/") else shlex.quote(path)


class Provider(abc.ABC):
    """Who has the hosts of a cluster."""

    @abc.abstractmethod
    def create(self) -> None:
        """Makes those that are not there."""

    @abc.abstractmethod
    def hosts(self) -> Sequence[Host]:
        """All of them, the head's first."""

    @abc.abstractmethod
    def terminate(self) -> None:
        """Takes them away, if ``create`` made them."""


@dataclasses.dataclass(frozen=True)
class SshHost(Host):
    """A host that is reached by ssh."""

    ip: str
    options: tuple[str, ...] = ()

    def command(self, script: str) -> list[str]:
        """See `Host`."""
        return ["ssh", *self.options, self.ip, script]


class SshHosts(Provider):
    """Hosts that exist, by their addresses: `type: local`."""

    def __init__(self, file: ClusterFile) -> None:
        """From what the file says."""
        given = file.provider
        if unknown := sorted(set(given) - {"type", "head_ip", "worker_ips"}):
            raise ClusterFileError(
                f"provider: unknown {', '.join(map(repr, unknown))}; known are: head_ip, type, "
                f"worker_ips"
            )
        head, workers = given.get("head_ip"), given.get("worker_ips", [])
        if not isinstance(head, str) or not isinstance(workers, list):
            raise ClusterFileError(
                "provider: expected head_ip, an address, and worker_ips, a list of addresses"
            )
        options = [
            *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"),
            *("-o", f"ConnectTimeout={_CONNECT_TIMEOUT_S}"),
        ]
        for key, flag in (("ssh_user", "-l"), ("ssh_port", "-p")):
            if key in file.auth:
                options += [flag, str(file.auth[key])]
        if "ssh_private_key" in file.auth:
            key = os.path.expanduser(file.auth["ssh_private_key"])
            if not os.path.exists(key):
                raise ClusterFileError(f"auth: there is no key {key}")
            options += ["-i", key]
        if "ssh_known_hosts" in file.auth:
            options += ["-o", f"UserKnownHostsFile={file.auth['ssh_known_hosts']}"]
        self._hosts = [SshHost(ip, tuple(options)) for ip in (head, *workers)]

    def create(self) -> None:
        """They exist."""

    def hosts(self) -> Sequence[Host]:
        """See `Provider`."""
        return self._hosts

    def terminate(self) -> None:
        """They stay."""


def provider_of(file: ClusterFile) -> Provider:
    """The provider that a file names."""
    if file.provider["type"] == "local":
        return SshHosts(file)
    module, _, name = str(file.provider.get("module", "")).rpartition(".")
    try:
        made: Any = getattr(importlib.import_module(module), name)(file)
    except (ImportError, AttributeError, ValueError) as error:
        raise ClusterFileError(
            f"provider: expected module: package.Class, which can be imported here: {error}"
        ) from None
    if not isinstance(made, Provider):
        raise ClusterFileError(f"provider: {module}.{name} is no {Provider.__qualname__}")
    return made
