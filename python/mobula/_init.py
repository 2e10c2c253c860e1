# SPDX-License-Identifier: Apache-2.0
"""``init``, ``shutdown`` and ``is_initialized``."""

from __future__ import annotations

import atexit
import dataclasses
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import mobula
from mobula import _init_options, _job_config, _logs, _system_settings, _world
from mobula._cluster_view import node_views
from mobula._environments.fields import merge as merge_environments
from mobula._remote_function import RemoteFunction
from mobula._runtime import Runtime
from mobula._world import InitOptions
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
        self.ray_commit = mobula.__commit__

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

    def _repr_html_(self) -> str:
        """For notebooks."""
        # Not above: few programs show it.
        import html

        rows = {"Python version": self.python_version, "Ray version": self.ray_version}
        if self.dashboard_url:
            link = html.escape(f"http://{self.dashboard_url}")
            rows["Dashboard"] = f'<a href="{link}" target="_blank">{link}</a>'
        cells = "".join(f"<tr><th>{name}:</th><td>{text}</td></tr>" for name, text in rows.items())
        return f"<table>{cells}</table>"

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
    _node_name: str | None = None,
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
    known = [name for name in init.__annotations__ if name not in ("unknown", "return")]
    _init_options.check_unknown(unknown, known)
    if _world.current.root is not None:
        return _initialized_again(ignore_reinit_error)
    _apply_logging(configure_logging, logging_level, logging_config)
    _init_options.tell_without_effect(unknown)
    _init_options.check_dashboard_host(dashboard_host)
    if _system_config is not None and not isinstance(_system_config, Mapping):
        raise TypeError(f"The _system_config must be a dict, got {_system_config!r}")
    _system_settings.warn_of_unknown(_system_config or {})
    address = _init_options.check_address(
        address if address is not None else os.environ.get("RAY_ADDRESS") or None
    )
    _init_options.check_only_connects(
        address,
        {
            "num_cpus": num_cpus,
            "num_gpus": num_gpus,
            "resources": resources,
            "labels": labels,
            "object_store_memory": object_store_memory,
            "object_spilling_directory": object_spilling_directory,
            "_memory": _memory,
            "_node_name": _node_name,
            "_system_config": _system_config,
        },
    )
    node = dataclasses.replace(
        _init_options.node_options(
            num_cpus, num_gpus, _memory, object_store_memory, resources, labels
        ),
        node_name=_node_name or "",
        **_system_settings.spilling(_system_config, object_spilling_directory),
        **_system_settings.memory_monitor(_system_config),
    )
    job = _init_options.check_job_config(job_config)
    env = merge_environments(job.runtime_env, _init_options.check_runtime_env(runtime_env))
    options = InitOptions(
        address=address,
        node=node,
        namespace=_init_options.check_namespace(
            namespace if namespace is not None else job.ray_namespace
        ),
        log_to_driver=log_to_driver,
        include_dashboard=include_dashboard is not False,
        dashboard_port=dashboard_port,
        language_config=_job_config.encode(logging_config, job),
        lineage_bytes_max=_system_settings.lineage_bytes_max(_system_config, address),
    )
    starts = address in (None, "local")
    if not starts:
        _logs.logger.info("Connecting to existing Ray cluster at address: %s...", address)
    runtime, facts = _world.current.connect(options)
    _world.current.root = runtime.root
    if env:
        _enter_environment(runtime, env)
    info = {name: facts.get(name, "") for name in FACTS}
    info["raylet_ip_address"] = info["raylet_ip_address"] or info["node_ip_address"]
    info.update({name: facts[name] for name in ("address", "gcs_address") if name in facts})
    _context = RayContext(info)
    _logs.logger.info(
        "%s%s",
        "Started a local Ray instance." if starts else "Connected to Ray cluster.",
        f" View the dashboard at http://{info['webui_url']} " if info["webui_url"] else "",
    )
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
            "Maybe you called ray.init twice by accident? This error can be suppressed by passing "
            "in 'ignore_reinit_error=True' or by calling 'ray.shutdown()' prior to 'ray.init()'."
        )
    _logs.logger.info("Calling ray.init() again after it has already been called.")
    if _context is not None:
        return _context
    # In a worker, which is in its cluster without having called init.
    root = _world.current.root
    assert root is not None
    return RayContext({"node_id": root.runtime.identity["address"]["node"]})


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
