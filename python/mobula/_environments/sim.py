# SPDX-License-Identifier: Apache-2.0
"""Runtime environments in the simulator: one interpreter, one disk, nothing to install."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobula._environments import enter, fields, packages, resolve
from mobula.exceptions import RuntimeEnvSetupError

if TYPE_CHECKING:
    from mobula._runtime import Runtime


def resolve_in_place(runtime: Runtime, env: Mapping[str, Any]) -> dict[str, Any]:
    """As ``resolve``, but folders stay where they are: every simulated node sees them there."""
    given = dict(env)
    kept: dict[str, Any] = {}
    if os.path.isdir(str(given.get("working_dir"))):
        kept["working_dir"] = os.path.abspath(given.pop("working_dir"))
    modules = given.pop("py_modules", None)
    if modules is not None:
        kept["py_modules"] = [_module(runtime, module) for module in modules]
    return {**resolve.resolve(runtime, given), **kept}


def _module(runtime: Runtime, module: Any) -> str:
    path = next(iter(getattr(module, "__path__", ())), module)
    if isinstance(path, str) and os.path.isdir(path):
        return os.path.dirname(os.path.abspath(path))
    resolved: list[str] = resolve.resolve(runtime, {"py_modules": [module]})["py_modules"]
    return resolved[0]


def enter_environment(
    env: Mapping[str, Any], root: str, ask_store: Callable[[str], bytes | None]
) -> RuntimeEnvSetupError | None:
    """In a simulated worker: its variables, and where its modules are. Returns what failed.

    The working folder stays as it is, as there is one for all processes. Packages that pip or uv
    should install must be there already.
    """
    enter.set_variables(env)
    try:
        for installer in ("pip", "uv"):
            _check_installed(env.get(installer, {}).get("packages", ()))
        paths = enter.folders_of(env, lambda uri, kind: _unpack(uri, root, ask_store))
    except RuntimeEnvSetupError as error:
        return RuntimeEnvSetupError(f"Failed to set up runtime environment: {error}")
    sys.path.extend(path for path in paths if path not in sys.path)
    return None


def _unpack(name: str, root: str, ask_store: Callable[[str], bytes | None]) -> str:
    """Asks the store even when the folder is there from an earlier run: all runs are alike."""
    if not fields.is_uri(name):
        return name
    data = packages.fetch(name, ask_store)
    folder = os.path.join(root, "runtime_resources", packages.uri_of(data).rpartition("/")[2])
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        # Simulations that run beside this one may want the same.
        with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as aside:
            part = os.path.join(aside, "part")
            packages.unpack(data, part, name)
            if not os.path.isdir(folder):
                os.rename(part, folder)
    return folder


def _check_installed(requirements: Sequence[str]) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in requirements:
        try:
            wanted = Requirement(text)
            found = importlib.metadata.version(wanted.name)
        except (InvalidRequirement, importlib.metadata.PackageNotFoundError):
            found = None
        if found is None or not wanted.specifier.contains(found, prereleases=True):
            raise RuntimeEnvSetupError(
                f"the simulator installs nothing, and its Python has no {text}: install it there, "
                f"as simulated workers run in that"
            )
