# SPDX-License-Identifier: Apache-2.0
"""What can be used without importing it: it is loaded when it is first named."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["attributes", "moved"]


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


def moved(old: str, new: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that is elsewhere now, both by Ray's names: it says so.

    >>> get = moved("ray.gone", "ray.util.debug")
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     get("log_once").__name__, [str(warning.message) for warning in told]
    ('log_once', ['ray.gone is deprecated. Use ray.util.debug instead'])
    """

    def get(name: str) -> Any:
        member = getattr(importlib.import_module("mobula" + new.removeprefix("ray")), name)
        warnings.warn(f"{old} is deprecated. Use {new} instead", DeprecationWarning, stacklevel=2)
        return member

    return get
