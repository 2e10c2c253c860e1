# SPDX-License-Identifier: Apache-2.0
"""Lets programs written for Ray run on mobula: makes ``import ray`` find this package."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

__all__ = ["install", "uninstall"]

# What older Rays had in other places.
_MOVED = {
    "ray.internal.internal_api": "mobula._private.internal_api",
    "ray.ray_constants": "mobula._private.ray_constants",
    "ray.state": "mobula._private.state",
    "ray.test_utils": "mobula._private.test_utils",
    "ray.utils": "mobula._private.utils",
    "ray.worker": "mobula._private.worker",
}


def _own_name(name: str) -> str:
    return _MOVED.get(name, "mobula" + name[len("ray") :])


class _Finder:
    """Gives ``ray.x.y`` the very module ``mobula.x.y``.

    A finder and loader by its methods: their base classes bring imports that every worker pays for.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "ray" and not name.startswith("ray."):
            return None
        try:
            found = importlib.util.find_spec(_own_name(name))
        except ModuleNotFoundError:
            found = None
        if found is None:
            return None
        return importlib.machinery.ModuleSpec(
            name, cast("Loader", self), is_package=found.submodule_search_locations is not None
        )

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        # The import system hands out what it finds in sys.modules in the end: one module of two
        # names, so that classes are the same under both.
        own = importlib.import_module(_own_name(module.__name__))
        sys.modules[module.__name__] = own
        # What it has loaded has its second name, too, from now on. If it got that when it is asked
        # for, the import system would put the module in the place of the function that bears its
        # name, as `ray.util.placement_group` does.
        inner = own.__name__ + "."
        for name, loaded in list(sys.modules.items()):
            if name.startswith(inner):
                second = module.__name__ + "." + name[len(inner) :]
                sys.modules.setdefault(second, loaded)


class _Placeholder(ModuleType):
    """Takes the attributes that the import system sets, in the real module's place."""


_finder = _Finder()


def install() -> None:
    """From now on ``import ray`` gives mobula, also for ``ray.util`` and the like.

    >>> install()
    >>> import mobula, ray
    >>> ray is mobula
    True
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undoes ``install``; modules that were imported stay what they are."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name == "ray" or name.startswith("ray.")]:
        del sys.modules[name]
