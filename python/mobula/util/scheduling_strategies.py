# SPDX-License-Identifier: Apache-2.0
"""Where tasks and actors run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobula.util.placement_group import PlacementGroup

__all__ = ["NodeAffinitySchedulingStrategy", "PlacementGroupSchedulingStrategy"]


@dataclasses.dataclass(frozen=True)
class NodeAffinitySchedulingStrategy:
    """On one node; with ``soft`` elsewhere when that node is gone.

    >>> NodeAffinitySchedulingStrategy("0123456789abcdef0123456789abcdef", soft=True).soft
    True
    """

    node_id: str
    soft: bool


@dataclasses.dataclass(frozen=True)
class PlacementGroupSchedulingStrategy:
    """In a bundle of a placement group, out of whose resources it lives.

    ``placement_group_bundle_index`` is -1 for any bundle that has room. With
    ``placement_group_capture_child_tasks`` the tasks and actors that it submits go there, too,
    unless they have a strategy of their own; None means: as for whoever uses this strategy.
    """

    placement_group: PlacementGroup | None
    placement_group_bundle_index: int = -1
    placement_group_capture_child_tasks: bool | None = None
