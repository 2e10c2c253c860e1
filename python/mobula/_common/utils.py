# SPDX-License-Identifier: Apache-2.0
"""Small helpers that Ray's own tests import."""

from __future__ import annotations

import asyncio

__all__ = ["binary_to_hex", "get_or_create_event_loop", "hex_to_binary"]


def binary_to_hex(identifier: bytes) -> str:
    """The digits of an id."""
    return identifier.hex()


def hex_to_binary(hex_identifier: str) -> bytes:
    """The id of the digits.

    >>> hex_to_binary(binary_to_hex(bytes([1, 255]))) == bytes([1, 255])
    True
    """
    return bytes.fromhex(hex_identifier)


def get_or_create_event_loop() -> asyncio.AbstractEventLoop:
    """The loop that runs here; else a new one, which is the thread's from now on."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return loop
