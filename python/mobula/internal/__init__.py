# SPDX-License-Identifier: Apache-2.0
"""Ray's name for what programs should rarely need."""

from __future__ import annotations

from mobula._objects import free

__all__ = ["free"]
