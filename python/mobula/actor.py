# SPDX-License-Identifier: Apache-2.0
"""Actors, under the module name that Ray has for them."""

from __future__ import annotations

from mobula._actor import ActorClass, ActorClassInheritanceException, exit_actor, method
from mobula._actor_handle import ActorHandle, ActorMethod

__all__ = [
    "ActorClass",
    "ActorClassInheritanceException",
    "ActorHandle",
    "ActorMethod",
    "exit_actor",
    "method",
]
