# SPDX-License-Identifier: Apache-2.0
"""Remote functions, under the name that Ray has for their module."""

from __future__ import annotations

from mobula._remote_function import RemoteFunction

__all__ = ["RemoteFunction"]
