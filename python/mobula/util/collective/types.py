# SPDX-License-Identifier: Apache-2.0
"""The words of collective operations."""

from __future__ import annotations

import enum

__all__ = ["Backend", "ReduceOp"]


class Backend:
    """Names of what carries the data."""

    NCCL = "nccl"
    GLOO = "gloo"


class ReduceOp(enum.Enum):
    """How values of several members become one."""

    SUM = 0
    PRODUCT = 1
    MIN = 2
    MAX = 3
