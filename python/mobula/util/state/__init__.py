# SPDX-License-Identifier: Apache-2.0
"""What there is in the cluster at the moment."""

from __future__ import annotations

from mobula.util.state import api
from mobula.util.state.api import *  # noqa: F403

__all__: list[str] = []
__all__ += api.__all__
