# SPDX-License-Identifier: Apache-2.0
"""The states of actors, as Ray's protocol numbers them."""

from __future__ import annotations

import enum

__all__ = ["ActorTableData"]


class ActorTableData(enum.IntEnum):
    """States of an actor; their names are those that lists of actors tell."""

    DEPENDENCIES_UNREADY = 0
    PENDING_CREATION = 1
    ALIVE = 2
    RESTARTING = 3
    DEAD = 4
