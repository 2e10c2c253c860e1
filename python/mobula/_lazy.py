# SPDX-License-Identifier: Apache-2.0
"""Modules that can be used without importing them: they are loaded when they are first named."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["attributes"]


def attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: each name of `modules` stands for the module it maps to.

    >>> import mobula
    >>> mobula.cloudpickle.__name__
    'mobula.cloudpickle'
    """

    def get(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(module)

    return get
