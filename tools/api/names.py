#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the public names of an installed Ray: names.py SITE-PACKAGES > ray-VERSION.txt.

Nothing of Ray is run: names are read from its source text. A module's are those of its `__all__`,
else its functions and classes; a class's are its methods and properties, without inherited ones.
"""

from __future__ import annotations

import ast
import pathlib
import sys
from collections.abc import Iterator

# What belongs to Ray Core.
MODULES = [
    "ray",
    "ray.actor",
    "ray.cluster_utils",
    "ray.cross_language",
    "ray.dag",
    "ray.exceptions",
    "ray.experimental",
    "ray.experimental.internal_kv",
    "ray.experimental.tqdm_ray",
    "ray.internal",
    "ray.job_config",
    "ray.remote_function",
    "ray.runtime_context",
    "ray.runtime_env",
    "ray.state",
    "ray.types",
    "ray.util",
    "ray.util.accelerators",
    "ray.util.actor_group",
    "ray.util.actor_pool",
    "ray.util.annotations",
    "ray.util.check_serialize",
    "ray.util.collective",
    "ray.util.dask",
    "ray.util.debug",
    "ray.util.helpers",
    "ray.util.iter",
    "ray.util.joblib",
    "ray.util.metrics",
    "ray.util.multiprocessing",
    "ray.util.multiprocessing.pool",
    "ray.util.placement_group",
    "ray.util.queue",
    "ray.util.rpdb",
    "ray.util.scheduling_strategies",
    "ray.util.serialization",
    "ray.util.state",
    "ray.util.timer",
]
# Of the older release, where the same is said elsewhere.
OTHER_PLACES = {"ray.util.state": "ray/experimental/state/api.py"}


def names_of(module: str, folder: pathlib.Path) -> Iterator[str]:
    """The names of a module, with the module in front; none when there is no such module."""
    path = folder.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        if module not in OTHER_PLACES:
            return
        file = folder / OTHER_PLACES[module]
    tree = ast.parse(file.read_text())
    exported = list(_exported(tree))
    classes = _classes(tree, file, folder)
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for name in exported or [name for name in defined if not name.startswith("_")]:
        yield f"{module}.{name}"
        for member in classes.get(name, ()):
            yield f"{module}.{name}.{member}"


def _exported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            for constant in ast.walk(node.value):  # type: ignore[attr-defined]
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    yield constant.value


def _classes(tree: ast.Module, file: pathlib.Path, folder: pathlib.Path) -> dict[str, list[str]]:
    """The members of the classes that a module defines, or imports from another of Ray's."""
    found = {node.name: _members(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ray."):
            path = folder.joinpath(*str(node.module).split("."))
            # The extension module only has its stub.
            sources = [path.with_suffix(suffix) for suffix in (".py", ".pyi")]
            for source in [one for one in sources if one.exists() and one != file]:
                inside = ast.parse(source.read_text()).body
                there = {one.name: one for one in inside if isinstance(one, ast.ClassDef)}
                for alias in node.names:
                    if alias.name in there:
                        found[alias.asname or alias.name] = _members(there[alias.name])
    return found


def _members(node: ast.ClassDef) -> list[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        one.name for one in node.body if isinstance(one, functions) and not one.name.startswith("_")
    ]


if __name__ == "__main__":
    for one in MODULES:
        for name in sorted(set(names_of(one, pathlib.Path(sys.argv[1])))):
            print(name)
