# SPDX-License-Identifier: Apache-2.0
"""Where tasks and actors run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobula.util.placement_group import PlacementGroup

__all__ = [
    "DoesNotExist",
    "Exists",
    "In",
    "NodeAffinitySchedulingStrategy",
    "NodeLabelSchedulingStrategy",
    "NotIn",
    "PlacementGroupSchedulingStrategy",
]


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


class _Values:
    def __init__(self, *values: str) -> None:
        """One or more values of a label."""
        name = type(self).__name__
        if not values or not all(isinstance(value, str) for value in values):
            raise ValueError(f"{name} takes one or more strings, got {values!r}")
        self.values = list(values)

    def __repr__(self) -> str:
        """As it is made."""
        return f"{type(self).__name__}({', '.join(map(repr, self.values))})"


class In(_Values):
    """The node has the label, with one of the values."""


class NotIn(_Values):
    """The node has not the label, or with another value."""


class Exists:
    """The node has the label."""


class DoesNotExist:
    """The node has not the label."""


LabelRule = In | NotIn | Exists | DoesNotExist


class NodeLabelSchedulingStrategy:
    """On a node whose labels keep the ``hard`` rules; of those on one that keeps the ``soft`` ones.

    >>> strategy = NodeLabelSchedulingStrategy({"zone": In("a", "b")}, soft={"spot": Exists()})
    >>> strategy.hard
    {'zone': In('a', 'b')}
    """

    def __init__(
        self, hard: Mapping[str, LabelRule] | None, *, soft: Mapping[str, LabelRule] | None = None
    ) -> None:
        """Rules by label. A node without room for the task is as good as one that breaks them."""
        self.hard = _checked(hard, "hard")
        self.soft = _checked(soft, "soft")
        if not self.hard and not self.soft:
            raise ValueError(
                "The `hard` and `soft` parameter of NodeLabelSchedulingStrategy cannot both be "
                "empty."
            )


def _checked(rules: Mapping[str, LabelRule] | None, name: str) -> dict[str, LabelRule]:
    if rules is None:
        return {}
    if not isinstance(rules, Mapping):
        raise ValueError(f"{name} takes a dict such as {{'zone': In('a')}}, got {rules!r}")
    for key, rule in rules.items():
        if not isinstance(key, str) or not key:
            raise ValueError(f"{name} takes a dict whose keys are names of labels, got {key!r}")
        if not isinstance(rule, LabelRule):
            raise ValueError(
                f"{name} takes a dict whose values are In, NotIn, Exists or DoesNotExist objects, "
                f"got {key!r}: {rule!r}"
            )
    return dict(rules)
