# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask of the runtime's inside."""

from __future__ import annotations

from typing import Any

from mobula._objects import free
from mobula._runtime import current
from mobula.util.state import list_objects
from mobula.util.state._tasks import own_pending

__all__ = ["free", "memory_summary"]

# An object's id begins with that of the task that makes it.
_TASK_DIGITS = 32


def memory_summary(address: str | None = None, *, stats_only: bool = False, **how: Any) -> str:
    """The objects that this process knows, a line each, with the state of the task that makes it.

    With ``stats_only`` only how much of them lies in stores. The address and Ray's options for the
    layout are taken and have no effect.
    """
    if stats_only:
        sizes = [view["size"] for view in list_objects() if view["state"] == "STORED"]
        return f"Plasma memory usage {sum(sizes) >> 20} MiB, {len(sizes)} objects"
    pending = {task["task_id"]: task["state"] for task in own_pending(current().runtime)}
    return "\n".join(
        f"{view['object_id']} | {pending.get(view['object_id'][:_TASK_DIGITS], 'FINISHED')} | "
        f"Attempt #{view['attempt_number'] + 1} | {view['size']} B | "
        f"{view['local_references']} local, {view['submitted_references']} in tasks, "
        f"{view['borrowers']} borrowers"
        for view in list_objects()
    )
