# SPDX-License-Identifier: Apache-2.0
"""Where tasks and actors run."""

from __future__ import annotations

import dataclasses

__all__ = ["NodeAffinitySchedulingStrategy"]


@dataclasses.dataclass(frozen=True)
class NodeAffinitySchedulingStrategy:
    """On one node; with ``soft`` elsewhere when that node is gone.

    >>> NodeAffinitySchedulingStrategy("0123456789abcdef0123456789abcdef", soft=True).soft
    True
    """

    node_id: str
    soft: bool
