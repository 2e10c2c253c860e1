# SPDX-License-Identifier: Apache-2.0
"""Which placement group code runs in, and what the tasks that it submits have of that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobula import _core
    from mobula._runtime import Execution


@dataclasses.dataclass(frozen=True)
class Placement:
    """Of a task or an actor: the id of its group, empty for none, and whether children share it."""

    group: str = ""
    captures_children: bool = False

    @classmethod
    def of(cls, task: _core.RunningTask) -> Placement:
        """What the task was submitted with."""
        group = task.placement_group
        return cls(group, task.captures_children) if group else NOWHERE


NOWHERE = Placement()


def placement_of(execution: Execution) -> Placement:
    """Of the actor that lives here; else of the task that runs."""
    host = execution.runtime.actor_host
    if host is not None:
        return host.placement
    return Placement.of(execution.task) if execution.task is not None else NOWHERE


def check_fit(
    bundles: list[dict[str, float]], index: int, needs: Mapping[str, float], what: str
) -> None:
    """Raises ValueError when no bundle, or not that of the index, could ever hold ``needs``."""
    if not -1 <= index < len(bundles):
        raise ValueError(
            f"placement group bundle index {index} is invalid. Valid placement group indexes: "
            f"0-{len(bundles) - 1}, or -1 for any of them"
        )
    allowed = bundles if index == -1 else [bundles[index]]
    for bundle in allowed:
        if all(bundle.get(name, 0.0) >= amount for name, amount in needs.items()):
            return
    which = "any bundle" if index == -1 else f"bundle {index}"
    raise ValueError(
        f"Cannot schedule {what} with the placement group because the resource request "
        f"{dict(needs)} cannot fit into {which} for the placement group, {bundles}."
    )
