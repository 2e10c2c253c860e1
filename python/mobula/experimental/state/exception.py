# SPDX-License-Identifier: Apache-2.0
"""The name that Rays before 2.3 have for ``mobula.util.state.exception``; new programs use that."""

from __future__ import annotations

from mobula import _lazy

__all__: list[str] = []

__getattr__ = _lazy.moved("ray.experimental.state.exception", "ray.util.state.exception")
