# SPDX-License-Identifier: Apache-2.0
"""What ``init`` is given, checked. A refusal begins with Ray's words for it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from mobula import _logs, _options
from mobula._world import NodeOptions
from mobula.job_config import JobConfig

_STORE_MIN = 1 << 20

# Options of Ray's `init` about parts that mobula does not have, or has another way: programs that
# give them run all the same, and are told.
_WITHOUT_EFFECT = {
    "allow_multiple": "there is no Ray Client",
    "local_mode": "tasks and actors run in workers all the same",
    "_driver_object_store_memory": "the store is one per node",
    "_enable_object_reconstruction": "lost objects are made again anyhow",
    "_metrics_export_port": "metrics are on the dashboard's port",
    "_node_ip_address": "the node listens where its host's name leads",
    "_plasma_directory": "the store is in /dev/shm",
    "_redis_max_memory": "there is no Redis",
    "_redis_password": "there is no Redis",
    "_redis_username": "there is no Redis",
    "_temp_dir": "session folders lie where MOBULA_TMPDIR says",
    "_tracing_startup_hook": "see `mobula run --trace`",
}


def check_unknown(unknown: Mapping[str, Any], known: Collection[str]) -> None:
    """RuntimeError for what is an option neither of this `init` nor of Ray's."""
    foreign = sorted(set(unknown) - set(_WITHOUT_EFFECT))
    if foreign:
        raise RuntimeError(
            f"Unknown keyword argument(s): {', '.join(foreign)} of init; known are: "
            f"{', '.join(sorted(known))}"
        )


def tell_without_effect(unknown: Mapping[str, Any]) -> None:
    """Says which options of Ray's that were given have no effect, and why."""
    for name in sorted(unknown):
        if unknown[name] not in (None, False):
            _logs.logger.warning("init(%s=...) has no effect: %s", name, _WITHOUT_EFFECT[name])


def check_dashboard_host(host: str) -> None:
    """Says where the dashboard is instead."""
    if not isinstance(host, str):
        raise TypeError(f"dashboard_host of init takes a string, got {host!r}")
    if host not in ("127.0.0.1", "localhost", "::1"):
        _logs.logger.warning(
            "init(dashboard_host=%r) has no effect: the dashboard is on the loopback interface",
            host,
        )


def node_options(
    num_cpus: float | None,
    num_gpus: float | None,
    memory: float | None,
    object_store_memory: int | None,
    resources: dict[str, float] | None,
    labels: dict[str, str] | None,
) -> NodeOptions:
    """What the node of a new cluster has."""
    given = {"num_cpus": num_cpus, "num_gpus": num_gpus, "memory": memory, "resources": resources}
    checks = {name: _options.FUNCTION[name] for name in given}
    checked = _options.check(given, checks, "init")
    if object_store_memory is not None:
        if isinstance(object_store_memory, bool) or not isinstance(
            object_store_memory, (int, float)
        ):
            raise TypeError(
                f"object_store_memory takes a number of bytes, got {object_store_memory!r}"
            )
        if object_store_memory < _STORE_MIN:
            raise ValueError(
                f"object_store_memory must be at least {_STORE_MIN} bytes, got "
                f"{object_store_memory}"
            )
    if labels is not None and not isinstance(labels, Mapping):
        raise TypeError(f"labels of init takes a dict from names to values, got {labels!r}")
    return NodeOptions(
        **checked,
        object_store_memory=None if object_store_memory is None else int(object_store_memory),
        labels=dict(labels or {}),
    )


def check_address(address: str | None) -> str | None:
    """None or "local" for a new cluster, "auto" or "host:port" for one that runs."""
    if address is None:
        return None
    if isinstance(address, str) and address.startswith("ray://"):
        raise ValueError(
            f"there is no Ray Client for {address!r}: drivers are processes of the cluster, so run "
            f"this one on a machine of it, with address='auto'"
        )
    if not isinstance(address, str) or (
        address not in ("local", "auto") and not address.rpartition(":")[2].isdigit()
    ):
        raise ValueError(f"address takes 'local', 'auto' or 'host:port', got {address!r}")
    return address


def check_only_connects(address: str | None, given: Mapping[str, Any]) -> None:
    """ValueError for what only a new cluster can be told."""
    if address in (None, "local"):
        return
    told = [name for name, value in given.items() if value not in (None, {})]
    if not told:
        return
    what = "num_cpus and num_gpus" if told[0] in ("num_cpus", "num_gpus") else told[0]
    raise ValueError(
        f"When connecting to an existing cluster, {what} must not be provided: {address!r} runs "
        f"already, with what it was started with"
    )


def check_namespace(namespace: str | None) -> str:
    """The namespace of the job; a new one where none is given."""
    if namespace is None:
        return str(uuid.uuid4())
    _options.check({"namespace": namespace}, _options.ACTOR, "init")
    return namespace


def check_job_config(job_config: JobConfig | None) -> JobConfig:
    """An empty one where none is given."""
    if job_config is None:
        return JobConfig()
    if not isinstance(job_config, JobConfig):
        raise ValueError(f"job_config takes a JobConfig or None, got {job_config!r}")
    return job_config


def check_runtime_env(runtime_env: dict[str, Any] | None) -> dict[str, Any]:
    """The fields of the job's environment."""
    checks = {"runtime_env": _options.FUNCTION["runtime_env"]}
    checked = _options.check({"runtime_env": runtime_env}, checks, "init")
    env: dict[str, Any] = dict(checked.get("runtime_env", {}))
    return env
