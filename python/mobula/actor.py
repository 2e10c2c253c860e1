# SPDX-License-Identifier: Apache-2.0
"""Actors, under the module name that Ray has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobula._actor import ActorClass, ActorClassInheritanceException, exit_actor, method
from mobula._actor_handle import ActorHandle, ActorMethod

# Ray's name, in annotations, for what an actor class's ``remote`` returns. Through it type checkers
# know what the methods take and return that ``method`` marks.
if TYPE_CHECKING:
    from mobula._typing import C

    ActorProxy = ActorHandle[C] | type[C]
else:
    ActorProxy = ActorHandle

__all__ = [
    "ActorClass",
    "ActorClassInheritanceException",
    "ActorHandle",
    "ActorMethod",
    "ActorProxy",
    "exit_actor",
    "method",
]
