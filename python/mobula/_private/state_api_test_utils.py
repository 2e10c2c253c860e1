# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask of lists of tasks."""

from __future__ import annotations

from mobula.util.state import list_tasks

__all__ = ["verify_failed_task"]


def verify_failed_task(name: str, error_type: str, error_message: str | list[str]) -> bool:
    """Whether one task of that name has failed so; the message has these parts.

    Raises:
        AssertionError: it has not.
    """
    tasks = list_tasks(filters=[("name", "=", name)], detail=True)
    parts = [error_message] if isinstance(error_message, str) else error_message
    assert [task["state"] for task in tasks] == ["FAILED"], tasks
    assert tasks[0]["error_type"] == error_type, tasks
    assert all(part in tasks[0]["error_message"] for part in parts), tasks
    return True
