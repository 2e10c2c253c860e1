# SPDX-License-Identifier: Apache-2.0
"""The virtual world: what a simulated program finds in the standard library instead of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobula import (
    _virtual_asyncio,
    _virtual_atexit,
    _virtual_classes,
    _virtual_environ,
    _virtual_net,
    _virtual_os,
    _virtual_patch,
    _virtual_random,
    _virtual_signals,
    _virtual_threads,
    _virtual_time,
)

if TYPE_CHECKING:
    from mobula._sim_hub import Hub


def install(hub: Hub) -> None:
    """Replaces the outside world, until `uninstall`."""
    _virtual_threads.install(hub)
    _virtual_time.install(hub)
    _virtual_random.install()
    _virtual_asyncio.install(hub)
    _virtual_os.install(hub)
    _virtual_signals.install()
    _virtual_environ.install()
    _virtual_atexit.install()
    _virtual_net.install(hub)
    _virtual_classes.install()


def uninstall() -> None:
    """Gives the outside world back."""
    _virtual_patch.undo_all()
