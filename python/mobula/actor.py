# SPDX-License-Identifier: Apache-2.0
"""Actors, under the module name that Ray has for them."""

from __future__ import annotations

from mobula._actor import ActorClass, ActorClassInheritanceException, exit_actor, method
from mobula._actor_handle import ActorHandle, ActorMethod

# Ray's name, in annotations, for what an actor class's ``remote`` returns.
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
