# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask about the processes of a node."""

from __future__ import annotations

import os

from mobula._runtime import current
from mobula.util import get_node_ip_address

__all__ = ["get_node_ip_address", "remaining_processes_alive"]


def remaining_processes_alive() -> bool:
    """Whether the daemon of this process's node runs."""
    pid = int(current().runtime.identity["node"]["details"].get("pid", 0))
    return not pid or os.path.exists(f"/proc/{pid}")
