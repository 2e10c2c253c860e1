# SPDX-License-Identifier: Apache-2.0
"""Where the caller runs."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any

from mobula._actor_handle import ActorHandle
from mobula._cluster_view import node_views
from mobula._gpus import accelerator_ids
from mobula._placement import placement_of
from mobula._runtime import Execution, current
from mobula.ids import ActorID, JobID, NodeID, PlacementGroupID, TaskID
from mobula.runtime_env import RuntimeEnv

__all__ = ["RuntimeContext", "get_runtime_context"]


class RuntimeContext:
    """The job, node, worker, task and actor of the code that asked."""

    def __init__(self, execution: Execution) -> None:
        """Use ``get_runtime_context``."""
        self._execution = execution
        self._identity: dict[str, Any] = execution.runtime.identity

    def get_job_id(self) -> str:
        """In hexadecimal, as all of these."""
        return str(self._identity["job"])

    def get_node_id(self) -> str:
        """The node that this process runs on."""
        return str(self._identity["address"]["node"])

    def get_worker_id(self) -> str:
        """This process."""
        return str(self._identity["address"]["worker"])

    def get_task_id(self) -> str | None:
        """The task that runs; None outside tasks."""
        task = self._execution.task
        return task.task if task is not None else None

    def get_task_name(self) -> str | None:
        """The name of the task that runs; None outside tasks."""
        task = self._execution.task
        return task.name if task is not None else None

    def get_task_function_name(self) -> str | None:
        """The function that runs, with its module and class; None outside tasks."""
        task = self._execution.task
        if task is None:
            return None
        runtime = self._execution.runtime
        if runtime.actor_host is not None:
            cls = type(runtime.actor_host.instance)
            method = "__init__" if task.creates_actor else task.function_name
            return f"{cls.__module__}.{cls.__qualname__}.{method}"
        function = runtime.functions.load(task.function_id, task.function_name)
        # As Ray has it, without the function that it is defined in.
        return f"{function.__module__}.{function.__name__}"

    def get_actor_id(self) -> str | None:
        """The actor that lives in this process; None in others."""
        host = self._execution.runtime.actor_host
        return host.actor_id if host is not None else None

    def get_actor_name(self) -> str | None:
        """The actor's name; empty for an anonymous one, None outside actors."""
        host = self._execution.runtime.actor_host
        return host.name if host is not None else None

    def get_placement_group_id(self) -> str | None:
        """The placement group that the task or actor is in, if it is in one."""
        return placement_of(self._execution).group or None

    @property
    def current_placement_group_id(self) -> PlacementGroupID | None:
        """As ``get_placement_group_id``."""
        _deprecate("get_placement_group_id()")
        group = self.get_placement_group_id()
        return PlacementGroupID.from_hex(group) if group else None

    @property
    def should_capture_child_tasks_in_placement_group(self) -> bool:
        """Whether what is submitted here goes to the same placement group."""
        return placement_of(self._execution).captures_children

    def get_assigned_resources(self) -> dict[str, float]:
        """What the running task holds, or the actor whose method it is."""
        host = self._execution.runtime.actor_host
        if host is not None:
            return dict(host.resources)
        task = self._execution.task
        return dict(task.resources) if task is not None else {}

    @property
    def runtime_env(self) -> RuntimeEnv:
        """The environment of this process, which tasks that it submits inherit."""
        return RuntimeEnv(**self._execution.runtime.environment)

    def get_runtime_env_string(self) -> str:
        """The same as JSON."""
        return self.runtime_env.serialize()

    def get_accelerator_ids(self) -> dict[str, list[str]]:
        """The accelerators that the running task holds, or the actor whose method it is.

        By kind: ``{"GPU": ["0", "1"], "TPU": [], ...}``.
        """
        return accelerator_ids(self._execution)

    def get_resource_ids(self) -> dict[str, list[str]]:
        """As ``get_accelerator_ids``."""
        return self.get_accelerator_ids()

    def is_canceled(self) -> bool:
        """Whether the running task was cancelled, and goes on: it caught its KeyboardInterrupt.

        RuntimeError outside tasks, and in asyncio actors, whose calls are cancelled as coroutines.
        """
        runtime, task = self._execution.runtime, self._execution.task
        if task is None:
            raise RuntimeError("only tasks are cancelled, and this is called outside of them")
        if runtime.actor_host is not None and runtime.actor_host.is_async:
            raise RuntimeError("is_canceled is not for asyncio actors: catch CancelledError there")
        return task.task in runtime.cancelled

    def get_session_name(self) -> str:
        """The same in all processes of a cluster, and in no other cluster."""
        return os.path.basename(_of_head("session_dir")) or "session"

    def get_dashboard_url(self) -> str:
        """ "host:port" of the cluster's dashboard; empty where there is none.

        ``RAY_OVERRIDE_DASHBOARD_URL`` says what it is from outside.
        """
        port = _of_head("metrics_export_port")
        own = f"{_of_head('node_ip_address')}:{port}" if port.strip("0") else ""
        return os.environ.get("RAY_OVERRIDE_DASHBOARD_URL") or own

    def get_temp_dir(self) -> str:
        """Where the session folders of this node lie."""
        details = self._identity["node"]["details"]
        return os.path.dirname(str(details.get("session_dir", ""))) or tempfile.gettempdir()

    def get_node_labels(self) -> dict[str, str]:
        """The labels of the node that this process runs on."""
        return dict(self._identity["node"]["labels"])

    # ---- As older Rays have it: ids as objects -------------------------------------------------

    def get(self) -> dict[str, Any]:
        """The ids that there are, by name."""
        _deprecate("get_xxx_id() methods to get relevant ids")
        ids = {
            "job_id": JobID.from_hex(self.get_job_id()),
            "node_id": NodeID.from_hex(self.get_node_id()),
            "namespace": self.namespace,
        }
        others = {"task_id": self._task_id(), "actor_id": self._actor_id()}
        return {**ids, **{name: one for name, one in others.items() if one is not None}}

    @property
    def job_id(self) -> JobID:
        """As ``get_job_id``."""
        _deprecate("get_job_id()")
        return JobID.from_hex(self.get_job_id())

    @property
    def node_id(self) -> NodeID:
        """As ``get_node_id``."""
        _deprecate("get_node_id()")
        return NodeID.from_hex(self.get_node_id())

    @property
    def task_id(self) -> TaskID | None:
        """As ``get_task_id``."""
        _deprecate("get_task_id()")
        return self._task_id()

    @property
    def actor_id(self) -> ActorID | None:
        """As ``get_actor_id``."""
        _deprecate("get_actor_id()")
        return self._actor_id()

    def _task_id(self) -> TaskID | None:
        task = self.get_task_id()
        return TaskID.from_hex(task) if task is not None else None

    def _actor_id(self) -> ActorID | None:
        actor = self.get_actor_id()
        return ActorID.from_hex(actor) if actor is not None else None

    @property
    def namespace(self) -> str:
        """In which the names of this job's actors are looked up."""
        return self._execution.runtime.namespace

    @property
    def gcs_address(self) -> str:
        """Of the daemon on this node, "host:port"."""
        return str(self._identity["node"]["address"])

    @property
    def was_current_actor_reconstructed(self) -> bool:
        """Whether the actor that lives here was restarted."""
        host = self._execution.runtime.actor_host
        if host is None:
            raise RuntimeError("this is only known inside an actor")
        return host.was_restarted

    @property
    def current_actor(self) -> ActorHandle:
        """The actor's own handle."""
        host = self._execution.runtime.actor_host
        if host is None:
            raise RuntimeError("This method is only available in an actor.")
        return host.handle()


def _of_head(fact: str) -> str:
    """What the cluster's head tells of itself; empty if it does not."""
    heads = [view["info"] for view in node_views() if view["info"]["is_head"]]
    return str(heads[-1]["details"].get(fact, "")) if heads else ""


def _deprecate(instead: str) -> None:
    """Says what newer programs use; the line that asked is told once."""
    from mobula.util.annotations import RayDeprecationWarning

    warnings.warn(f"Use {instead} instead", RayDeprecationWarning, stacklevel=3)


def get_runtime_context() -> RuntimeContext:
    """What is known about the place where the caller runs.

    >>> import mobula
    >>> mobula.get_runtime_context().get_task_id() is None
    True
    """
    return RuntimeContext(current())
