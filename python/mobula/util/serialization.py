# SPDX-License-Identifier: Apache-2.0
"""How values of a class travel, when the class itself does not say it well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cloudpickle

__all__ = ["deregister_serializer", "register_serializer"]


def register_serializer(
    cls: type, *, serializer: Callable[[Any], Any], deserializer: Callable[[Any], Any]
) -> None:
    """From now on this process sends ``serializer(value)`` in the place of values of the class.

    The reader's value is what ``deserializer`` makes of that; it travels along. A worker that
    returns such values must register the class itself.

    >>> import threading, mobula
    >>> class Guarded:
    ...     def __init__(self, value):
    ...         self.value, self.lock = value, threading.Lock()
    >>> register_serializer(Guarded, serializer=lambda one: one.value, deserializer=Guarded)
    >>> mobula.get(mobula.put(Guarded(3))).value
    3
    >>> deregister_serializer(Guarded)
    """
    _check(cls)
    for what, function in (("serializer", serializer), ("deserializer", deserializer)):
        if not callable(function):
            raise TypeError(f"{what} must be a function of one argument, got {function!r}")
    cloudpickle.CloudPickler.dispatch[cls] = lambda value: (deserializer, (serializer(value),))


def deregister_serializer(cls: type) -> None:
    """Undoes ``register_serializer``; of a class that was not registered, nothing."""
    _check(cls)
    cloudpickle.CloudPickler.dispatch.pop(cls, None)


def _check(cls: Any) -> None:
    if not isinstance(cls, type):
        raise TypeError(f"serializers are registered for classes, got {cls!r}")
