# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask of the process they run in."""

from __future__ import annotations

from typing import Any

import mobula
from mobula import _unhandled, _world
from mobula._core import ObjectRef
from mobula._object_ref import UnknownObject
from mobula._objects import get, put, wait
from mobula._runtime import current
from mobula.exceptions import RayError
from mobula.ids import JobID, NodeID, WorkerID
from mobula.util.state import list_objects

__all__ = [
    "LOCAL_MODE",
    "SCRIPT_MODE",
    "WORKER_MODE",
    "get",
    "get_resource_ids",
    "global_worker",
    "put",
    "wait",
]

# What is called with each error that nobody has looked at; tests put their own in its place.
_unhandled_error_handler = _unhandled.tell

# Until an owner has said whether there is a value.
_ANSWER_S = 0.1

SCRIPT_MODE, WORKER_MODE, LOCAL_MODE = mobula.SCRIPT_MODE, mobula.WORKER_MODE, mobula.LOCAL_MODE


class _CoreWorker:
    """Ray's core worker, as far as tests look into it."""

    def get_all_reference_counts(self) -> dict[bytes, dict[str, int]]:
        """By the object's id in hexadecimal digits: the references of this process and of tasks.

        Handles of actors are left out, as there is no `ObjectRef` to them.
        """
        return {
            view["object_id"].encode(): {
                "local": view["local_references"],
                "submitted": view["submitted_references"],
            }
            for view in list_objects()
            if not view["is_actor"] and view["local_references"] + view["submitted_references"]
        }

    def object_exists(self, object_ref: ObjectRef | UnknownObject) -> bool:
        """Whether there is a value that this process can have without another node's help.

        An object that the process knows nothing of is none to it.
        """
        if not isinstance(object_ref, ObjectRef):
            return False
        # Of an object that another process owns nothing is known before somebody asks.
        wait([object_ref], timeout=_ANSWER_S, fetch_local=False)
        status = _status_of(object_ref)
        if current().runtime.identity["address"]["node"] not in status["locations"]:
            return bool(status["phase"] == "kInline" and status["value"]["kind"] == "kValue")
        # The copy may have gone with its owner meanwhile.
        try:
            get(object_ref, timeout=_ANSWER_S)
        except RayError:
            return False
        return True

    def get_worker_id(self) -> WorkerID:
        """Of this process."""
        return WorkerID.from_hex(current().runtime.identity["address"]["worker"])


def _status_of(reference: ObjectRef) -> dict[str, Any]:
    """The fields of the ``ObjectStatus`` that this process knows."""
    process: Any = current().runtime.process
    name = reference.binary()
    return next(
        view["status"] for view in process.references() if view["reference"].startswith(name)
    )


class _GcsClient:
    """Ray's way to the GCS: here it only says where that is."""

    @property
    def address(self) -> str:
        """ "host:port"."""
        return str(current().runtime.identity["node"]["address"])


class _Node:
    """The node that this process runs on."""

    @property
    def unique_id(self) -> str:
        """In hexadecimal digits."""
        return str(current().runtime.identity["address"]["node"])

    def kill_raylet(self) -> None:
        """Ends it as a crash of its daemon does. Only where ``init`` started it."""
        _world.current.own_node().kill_raylet()


class _Worker:
    """Ray's worker, likewise."""

    core_worker = _CoreWorker()
    gcs_client = _GcsClient()
    node = _Node()

    @property
    def connected(self) -> bool:
        """Whether this process is part of a cluster."""
        return mobula.is_initialized()

    @property
    def mode(self) -> int | None:
        """Whether it is a driver or a worker; None in no cluster."""
        if not mobula.is_initialized():
            return None
        return SCRIPT_MODE if current().runtime.is_driver else WORKER_MODE

    @property
    def current_job_id(self) -> JobID:
        """Of the driver that this process works for."""
        return JobID.from_hex(current().runtime.identity["job"])

    @property
    def current_node_id(self) -> NodeID:
        """Of its node."""
        return NodeID.from_hex(self.node.unique_id)

    @property
    def worker_id(self) -> bytes:
        """Of this process."""
        return self.core_worker.get_worker_id().binary()

    @property
    def namespace(self) -> str:
        """In which the names of its actors are looked up."""
        return current().runtime.namespace


global_worker = _Worker()


def get_resource_ids() -> dict[str, list[tuple[Any, float]]]:
    """What the running task or its actor holds: by resource, (id, amount) pairs.

    Only GPUs have ids of their own; all of another resource is said under the id 0.
    """
    context = mobula.get_runtime_context()
    held: dict[str, list[tuple[Any, float]]] = {
        name: [(0, amount)] for name, amount in context.get_assigned_resources().items()
    }
    gpus = context.get_accelerator_ids()["GPU"]
    if gpus:
        share = min(1.0, held["GPU"][0][1])
        held["GPU"] = [(int(gpu) if gpu.isdigit() else gpu, share) for gpu in gpus]
    return held


_global_node = global_worker.node
