# SPDX-License-Identifier: Apache-2.0
"""Helpers of Ray's own tests that look at placement groups and resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import mobula
from mobula._private.test_waits import wait_for_condition
from mobula.util.placement_group import placement_group_table

if TYPE_CHECKING:
    from mobula.util.placement_group import PlacementGroup

__all__ = [
    "dicts_equal",
    "is_placement_group_removed",
    "no_resource_leaks_excluding_node_resources",
    "placement_group_assert_no_leak",
]


def dicts_equal(
    dict1: Mapping[Any, float], dict2: Mapping[Any, float], abs_tol: float = 1e-4
) -> bool:
    """Whether both have the same keys, with values that are nearly equal."""
    # Fractions are rounded here, and truncated in Ray: a whole unit may lie between them.
    abs_tol += 1e-9
    return dict1.keys() == dict2.keys() and all(
        abs(dict1[key] - dict2[key]) <= abs_tol for key in dict1
    )


def is_placement_group_removed(pg: PlacementGroup) -> bool:
    """Whether the cluster has taken note of its removal."""
    return bool(placement_group_table(pg)["state"] == "REMOVED")


def placement_group_assert_no_leak(pgs_created: Iterable[PlacementGroup]) -> None:
    """Removes the groups, and waits until what they held is free again."""
    for pg in pgs_created:
        mobula.util.remove_placement_group(pg)
    for pg in pgs_created:
        wait_for_condition(lambda pg=pg: is_placement_group_removed(pg))
    wait_for_condition(no_resource_leaks_excluding_node_resources)


def no_resource_leaks_excluding_node_resources() -> bool:
    """Whether nothing is in use."""
    total, free = mobula.cluster_resources(), mobula.available_resources()
    return dicts_equal(
        {name: amount for name, amount in total.items() if not name.startswith("node:")},
        {name: amount for name, amount in free.items() if not name.startswith("node:")},
    )
