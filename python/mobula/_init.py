# SPDX-License-Identifier: Apache-2.0
"""``init``, ``shutdown`` and ``is_initialized``."""

from __future__ import annotations

import atexit
import dataclasses
import logging
import os
import platform
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import mobula
from mobula import _job_config, _logs, _options, _system_settings, _world
from mobula._cluster_view import node_views
from mobula._environments.fields import merge as merge_environments
from mobula._remote_function import RemoteFunction
from mobula._runtime import Runtime
from mobula._world import InitOptions, NodeOptions
from mobula.job_config import JobConfig
from mobula.util.scheduling_strategies import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:
    from mobula._logging_config import LoggingConfig

# What `init` tells about a cluster.
FACTS = (
    "node_ip_address",
    "raylet_ip_address",
    "object_store_address",
    "raylet_socket_name",
    "webui_url",
    "session_dir",
    "metrics_export_port",
    "node_id",
)
_STORE_MIN = 1 << 20


class RayContext(Mapping[str, Any]):
    """What ``init`` returns: the facts of the cluster, as a mapping and as ``address_info``.

    As a context manager it shuts the connection down at the end.
    """

    def __init__(self, address_info: dict[str, Any]) -> None:
        """From what the world said."""
        self.address_info = address_info
        self.dashboard_url: str | None = address_info.get("webui_url") or None
        self.python_version = platform.python_version()
        self.ray_version = mobula.__version__

    def __getitem__(self, key: str) -> Any:
        """One fact."""
        return self.address_info[key]

    def __iter__(self) -> Iterator[str]:
        """Over the names of the facts."""
        return iter(self.address_info)

    def __len__(self) -> int:
        """How many facts there are."""
        return len(self.address_info)

    def __repr__(self) -> str:
        """For people."""
        return f"RayContext({self.address_info!r})"

    def __enter__(self) -> RayContext:
        """Nothing to do: ``init`` has connected."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnects."""
        self.disconnect()

    def disconnect(self) -> None:
        """As ``shutdown``."""
        shutdown()


_context: RayContext | None = None


def init(
    address: str | None = None,
    *,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    resources: dict[str, float] | None = None,
    labels: dict[str, str] | None = None,
    object_store_memory: int | None = None,
    object_spilling_directory: str | None = None,
    namespace: str | None = None,
    ignore_reinit_error: bool = False,
    log_to_driver: bool = True,
    include_dashboard: bool | None = None,
    dashboard_host: str = "127.0.0.1",
    dashboard_port: int | None = None,
    runtime_env: dict[str, Any] | None = None,
    job_config: JobConfig | None = None,
    configure_logging: bool = True,
    logging_level: int | str = logging.INFO,
    logging_config: LoggingConfig | None = None,
    _memory: float | None = None,
    _system_config: dict[str, Any] | None = None,
    **unknown: Any,
) -> RayContext:
    """Connects this program, as a driver, to a cluster.

    Without an address (or with "local") it starts a cluster on this machine that ends with the
    program; "auto" finds one that runs here, "host:port" names one.

    >>> import mobula
    >>> context = mobula.init(num_cpus=2, ignore_reinit_error=True)
    >>> mobula.is_initialized()
    True
    """
    global _context
    if unknown:
        known = [name for name in init.__annotations__ if name not in ("unknown", "return")]
        raise RuntimeError(
            f"unknown option {', '.join(map(repr, unknown))} of init; known are: "
            f"{', '.join(sorted(known))}"
        )
    if _world.current.root is not None:
        return _initialized_again(ignore_reinit_error)
    if dashboard_host not in ("127.0.0.1", "localhost"):
        raise ValueError(f"the dashboard is on the loopback interface only, not {dashboard_host!r}")
    _apply_logging(configure_logging, logging_level, logging_config)
    _system_settings.warn_of_unknown(_system_config or {})
    if address is None:
        address = os.environ.get("RAY_ADDRESS") or None
    node = dataclasses.replace(
        _node_options(num_cpus, num_gpus, _memory, object_store_memory, resources, labels),
        **_system_settings.spilling(_system_config, object_spilling_directory),
    )
    job = _check_job_config(job_config)
    env = merge_environments(job.runtime_env, _check_runtime_env(runtime_env))
    options = InitOptions(
        address=_check_address(address, node),
        node=node,
        namespace=_check_namespace(namespace or job.ray_namespace),
        log_to_driver=log_to_driver,
        include_dashboard=include_dashboard is not False,
        dashboard_port=dashboard_port,
        language_config=_job_config.encode(logging_config, job),
        lineage_bytes_max=_system_settings.lineage_bytes_max(_system_config, address),
    )
    runtime, facts = _world.current.connect(options)
    _world.current.root = runtime.root
    if env:
        _enter_environment(runtime, env)
    info = {name: facts.get(name, "") for name in FACTS}
    info["raylet_ip_address"] = info["raylet_ip_address"] or info["node_ip_address"]
    info.update({name: facts[name] for name in ("address", "gcs_address") if name in facts})
    _context = RayContext(info)
    if info["webui_url"]:
        _logs.logger.info("in a cluster; its dashboard is at http://%s", info["webui_url"])
    return _context


def _apply_logging(configure: bool, level: int | str, config: LoggingConfig | None) -> None:
    if config is not None:
        from mobula import _logging_config

        if not isinstance(config, _logging_config.LoggingConfig):
            raise TypeError(f"logging_config takes a LoggingConfig, got {type(config).__name__}")
        _logging_config.apply(config)
    elif configure:
        _logs.configure(level)


def _initialized_again(ignore: bool) -> RayContext:
    if not ignore:
        raise RuntimeError(
            "Maybe you called ray.init twice by accident? This program is in a cluster already. "
            "Call shutdown() first, or pass ignore_reinit_error=True to go on with that cluster"
        )
    if _context is not None:
        return _context
    # In a worker, which is in its cluster without having called init.
    root = _world.current.root
    assert root is not None
    return RayContext({"node_id": root.runtime.identity["address"]["node"]})


def _node_options(
    num_cpus: float | None,
    num_gpus: float | None,
    memory: float | None,
    object_store_memory: int | None,
    resources: dict[str, float] | None,
    labels: dict[str, str] | None,
) -> NodeOptions:
    given = {
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        "memory": memory,
        "resources": resources,
    }
    checks = {name: _options.FUNCTION[name] for name in given}
    checked = _options.check(given, checks, "init")
    if object_store_memory is not None and object_store_memory < _STORE_MIN:
        raise ValueError(
            f"object_store_memory must be at least {_STORE_MIN} bytes, got {object_store_memory}"
        )
    return NodeOptions(
        **checked,
        object_store_memory=None if object_store_memory is None else int(object_store_memory),
        labels=labels or {},
    )


def _check_address(address: str | None, node: NodeOptions) -> str | None:
    if address is None:
        return None
    if not isinstance(address, str) or not address:
        raise ValueError(f"address takes 'local', 'auto' or 'host:port', got {address!r}")
    if address not in ("local", "auto") and not address.rpartition(":")[2].isdigit():
        raise ValueError(f"address takes 'local', 'auto' or 'host:port', got {address!r}")
    if address != "local" and node != NodeOptions():
        raise ValueError(
            "with an address, init connects to nodes that run already: num_cpus, num_gpus, "
            "resources, object_store_memory and how to spill objects must not be given"
        )
    return address


def _check_namespace(namespace: str | None) -> str:
    if namespace is None:
        return str(uuid.uuid4())
    if not isinstance(namespace, str) or not namespace:
        raise ValueError(f"namespace takes a non-empty string or None, got {namespace!r}")
    return namespace


def _check_job_config(job_config: JobConfig | None) -> JobConfig:
    if job_config is None:
        return JobConfig()
    if not isinstance(job_config, JobConfig):
        raise ValueError(f"job_config takes a JobConfig or None, got {job_config!r}")
    return job_config


def _enter_environment(runtime: Runtime, env: dict[str, Any]) -> None:
    """Makes it the job's, and has it made on each node before the first task waits for it."""
    try:
        runtime.environment = runtime.resolve_environment(env)
    except BaseException:
        shutdown()
        raise
    needs_making = {"working_dir", "py_modules", "pip", "uv"} & set(runtime.environment)
    if needs_making and runtime.environment.get("config", {}).get("eager_install", True):
        for node in node_views():
            if node["alive"]:
                here = NodeAffinitySchedulingStrategy(node["info"]["node"], soft=True)
                options = {"num_cpus": 0, "scheduling_strategy": here}
                RemoteFunction(_have_environment, options).remote()


def _have_environment() -> None:
    """A worker that runs this has it."""


def _check_runtime_env(runtime_env: dict[str, Any] | None) -> dict[str, Any]:
    checks = {"runtime_env": _options.FUNCTION["runtime_env"]}
    checked = _options.check({"runtime_env": runtime_env}, checks, "init")
    env: dict[str, Any] = dict(checked.get("runtime_env", {}))
    return env


def is_initialized() -> bool:
    """Whether this process is in a cluster."""
    return _world.current.root is not None


def shutdown() -> None:
    """Leaves the cluster; one that ``init`` started ends. Does nothing outside a cluster.

    Runs by itself when the program ends.
    """
    global _context
    root = _world.current.root
    if root is None or not root.runtime.is_driver:
        return
    _world.current.root = None
    _context = None
    root.runtime.completions.stop()
    _world.current.disconnect(root.runtime)


atexit.register(shutdown)
