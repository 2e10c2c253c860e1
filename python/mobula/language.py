# SPDX-License-Identifier: Apache-2.0
"""The languages that workers speak."""

from __future__ import annotations

import enum

__all__ = ["Language"]


class Language(enum.Enum):
    """As Ray numbers them; there are no Java workers."""

    PYTHON = 0
    JAVA = 1
    CPP = 2
