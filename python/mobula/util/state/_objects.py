# SPDX-License-Identifier: Apache-2.0
"""The objects that this process knows, as Ray's lists have them."""

from __future__ import annotations

import os
from typing import Any

from mobula._runtime import Runtime
from mobula.util.state import _tasks

# An object's id is that of the task which makes it, and a number.
_ID_BYTES, _TASK_DIGITS = 20, 32
# Of that number, for one that a task has put.
_PUT = 1 << 31


def rows(runtime: Runtime) -> list[dict[str, Any]]:
    """With who holds them."""
    # Both worlds' processes have these beyond the common ones.
    process: Any = runtime.process
    pending = {task["task_id"]: task["state"] for task in _tasks.own_pending(runtime)}
    address = str(runtime.identity["node"]["address"])
    place = {
        "type": "DRIVER" if runtime.is_driver else "WORKER",
        "pid": os.getpid(),
        "ip": address.rpartition(":")[0] or address,
    }
    return [_row(view, pending, place) for view in process.references()]


def _row(view: dict[str, Any], pending: dict[str, str], place: dict[str, Any]) -> dict[str, Any]:
    object_id = view["reference"][:_ID_BYTES].hex()
    # No task has made what was put.
    is_put = int(object_id[_TASK_DIGITS:], 16) & _PUT
    status = "NIL" if is_put else "FINISHED"
    return {
        "object_id": object_id,
        "object_size": view["status"]["size"],
        "task_status": pending.get(object_id[:_TASK_DIGITS], status),
        "reference_type": _reference_type(view),
        "owned": view["owned"],
        "local_references": view["local"],
        "submitted_references": view["submitted"],
        "borrowers": len(view["borrowers"]),
        "state": view["status"]["phase"].removeprefix("k").upper(),
        "size": view["status"]["size"],
        "attempt_number": view["attempt"],
        "is_actor": is_actor(view),
        **place,
    }


def is_actor(view: dict[str, Any]) -> bool:
    """Whether the object stands for an actor."""
    return bool(view["actor"].strip("0"))


def _reference_type(view: dict[str, Any]) -> str:
    """Ray's word for the strongest of what keeps it."""
    if is_actor(view):
        return "ACTOR_HANDLE"
    if view["submitted"]:
        return "USED_BY_PENDING_TASK"
    if view["local"]:
        return "LOCAL_REFERENCE"
    return "CAPTURED_IN_OBJECT" if view["contained"] else "UNKNOWN_STATUS"
