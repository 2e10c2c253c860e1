# SPDX-License-Identifier: Apache-2.0
"""What can be used without importing it: it is loaded when it is first named."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["attributes"]


def attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: each name stands for a module, or for "module:member".

    >>> import mobula
    >>> mobula.cloudpickle.__name__
    'mobula.cloudpickle'
    """

    def get(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, member = module.partition(":")
        loaded = importlib.import_module(module)
        return getattr(loaded, member) if member else loaded

    return get
