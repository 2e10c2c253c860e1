# SPDX-License-Identifier: Apache-2.0
"""How the virtual world takes the place of the standard library's functions, and gives it back."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

_MISSING = object()
# What undoes each change, oldest first.
_undo: list[Callable[[], None]] = []


def put(owner: Any, name: str, value: Any) -> None:
    """Sets an attribute of a module, class or object until `undo_all`."""
    before = vars(owner).get(name, _MISSING)

    def undo() -> None:
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    on_undo(undo)
    setattr(owner, name, value)


def replace(module: ModuleType, name: str, function: Callable[..., Any]) -> None:
    """Puts `function` in the place of `module.name`.

    It takes on that name as well, so that pickles refer to it as they would to the original.
    """
    function.__module__ = module.__name__
    function.__name__ = function.__qualname__ = name
    put(module, name, function)


def replace_method(kind: type, name: str, method: object) -> None:
    """Replaces a method of a class written in C, for those too who have imported the class."""
    members = gc.get_referents(kind.__dict__)[0]
    before = members[name]
    on_undo(lambda: _set_member(kind, members, name, before))
    _set_member(kind, members, name, method)


def _set_member(kind: type, members: dict[str, object], name: str, method: object) -> None:
    members[name] = method
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def on_undo(undo: Callable[[], None]) -> None:
    """Has `undo` called by `undo_all`, before what was registered earlier."""
    _undo.append(undo)


def undo_all() -> None:
    """Gives the standard library back: the virtual world ends in this process."""
    while _undo:
        _undo.pop()()
