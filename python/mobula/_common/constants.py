# SPDX-License-Identifier: Apache-2.0
"""Names of resources that Ray gives every node."""

from __future__ import annotations

NODE_ID_PREFIX = "node:"
HEAD_NODE_RESOURCE_NAME = NODE_ID_PREFIX + "__internal_head__"

__all__ = ["HEAD_NODE_RESOURCE_NAME", "NODE_ID_PREFIX"]
