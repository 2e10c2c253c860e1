# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask of the runtime's inside."""

from __future__ import annotations

from typing import Any

from mobula._objects import free
from mobula.util.state import list_objects, list_tasks

__all__ = ["free", "memory_summary"]


def memory_summary(address: str | None = None, **how: Any) -> str:
    """The objects that this process knows and its unfinished tasks, a line each.

    The address and Ray's options for the layout are taken and have no effect.
    """
    lines = [
        f"{view['object_id']} {view['state']} {view['size']} B, {view['local_references']} local, "
        f"{view['submitted_references']} in tasks, {view['borrowers']} borrowers"
        for view in list_objects()
    ]
    for task in list_tasks():
        attempt = f"Attempt #{task['attempt_number'] + 1}" if "attempt_number" in task else "waits"
        lines.append(f"{task['name']} {attempt}: {task['state_message']}")
    return "\n".join(lines)
