# SPDX-License-Identifier: Apache-2.0
"""How the virtual world takes the place of the standard library's functions."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any


def replace(module: ModuleType, name: str, function: Callable[..., Any]) -> None:
    """Puts `function` in the place of `module.name`.

    It takes on that name as well, so that pickles refer to it as they would to the original.
    """
    function.__module__ = module.__name__
    function.__name__ = function.__qualname__ = name
    setattr(module, name, function)


def replace_method(kind: type, name: str, method: object) -> None:
    """Replaces a method of a class written in C, for those too who have imported the class."""
    members = gc.get_referents(kind.__dict__)[0]
    members[name] = method
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
