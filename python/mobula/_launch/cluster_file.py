# SPDX-License-Identifier: Apache-2.0
"""The file that names the hosts of a cluster."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

_COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)
_KEYS = ("auth", "cluster_name", "file_mounts", "mobula", "provider", *_COMMANDS)
_AUTH = ("ssh_known_hosts", "ssh_port", "ssh_private_key", "ssh_user")


class ClusterFileError(ValueError):
    """The file is not what was expected; says where, and what is."""


@dataclasses.dataclass(frozen=True)
class ClusterFile:
    """What a cluster file says."""

    cluster_name: str
    # With a `type`; the rest is the provider's.
    provider: dict[str, Any]
    auth: dict[str, Any]
    # Where on the hosts, and what of this one goes there.
    file_mounts: dict[str, str]
    # How the hosts call the command.
    mobula: str
    # By the names that Ray has for them.
    commands: dict[str, list[str]]

    @classmethod
    def load(cls, path: str) -> ClusterFile:
        """Reads and checks a file.

        Raises:
            OSError: It cannot be read.
            ClusterFileError: It is not a cluster file.
        """
        import yaml

        with open(path) as file:
            try:
                fields = yaml.safe_load(file)
            except yaml.YAMLError as error:
                raise ClusterFileError(f"{path} is not YAML: {error}") from None
        try:
            return cls._of(fields)
        except ClusterFileError as error:
            raise ClusterFileError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, fields: Any) -> ClusterFile:
        _check(fields, dict, "the file", "keys and values")
        _check_keys(fields, _KEYS, "the file")
        for key in ("cluster_name", "provider"):
            if key not in fields:
                raise ClusterFileError(f"the key {key!r} is missing")
        name = _check(fields["cluster_name"], str, "cluster_name", "a name")
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ClusterFileError(f"cluster_name: expected letters, digits, - and _, got {name!r}")
        provider = _check(fields["provider"], dict, "provider", "keys and values")
        if provider.get("type") not in ("local", "external"):
            raise ClusterFileError(
                f"provider: expected the type local or external, got {provider.get('type')!r}"
            )
        auth = _check(fields.get("auth", {}), dict, "auth", "keys and values")
        _check_keys(auth, _AUTH, "auth")
        mounts = _check(fields.get("file_mounts", {}), dict, "file_mounts", "remote: local")
        for local in mounts.values():
            if not os.path.exists(os.path.expanduser(str(local))):
                raise ClusterFileError(f"file_mounts: there is no {local!r} on this host")
        commands = {key: _strings(fields.get(key, []), key) for key in _COMMANDS}
        mobula = _check(fields.get("mobula", "mobula"), str, "mobula", "a command")
        return cls(name, provider, auth, mounts, mobula, commands)


def _check(value: Any, kind: type, where: str, expected: str) -> Any:
    if not isinstance(value, kind):
        raise ClusterFileError(f"{where}: expected {expected}, got {value!r}")
    return value


def _check_keys(fields: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(fields) - set(known)):
        raise ClusterFileError(
            f"{where}: unknown {', '.join(map(repr, unknown))}; "
            f"known are: {', '.join(sorted(known))}"
        )


def _strings(value: Any, where: str) -> list[str]:
    _check(value, list, where, "a list of commands")
    return [_check(one, str, where, "a command") for one in value]
