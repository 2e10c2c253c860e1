# SPDX-License-Identifier: Apache-2.0
"""Helpers of Ray's own tests that also run through its client."""

from __future__ import annotations

from typing import Any

from mobula._private.test_utils import SignalActor

__all__ = ["create_remote_signal_actor"]


def create_remote_signal_actor(ray: Any) -> Any:
    """The class ``SignalActor``; there is only one ``ray`` that could make it."""
    return SignalActor
