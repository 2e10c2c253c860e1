# SPDX-License-Identifier: Apache-2.0
"""From what a user says to what every node of the cluster can make."""

from __future__ import annotations

import os
import types
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobula._environments import fields, packages

if TYPE_CHECKING:
    from mobula._runtime import Runtime


def resolve(runtime: Runtime, env: Mapping[str, Any]) -> dict[str, Any]:
    """A checked environment with local files replaced by what is in the cluster's store.

    Raises ValueError for a file that is not there.
    """
    resolved = {name: value for name, value in env.items() if value is not None}
    excludes = resolved.pop("excludes", ())
    if "working_dir" in resolved:
        resolved["working_dir"] = _package(runtime, resolved["working_dir"], excludes)
    if "py_modules" in resolved:
        resolved["py_modules"] = [
            _module(runtime, module, excludes) for module in resolved["py_modules"]
        ]
    for installer in ("pip", "uv"):
        if installer in resolved:
            resolved[installer] = _requirements(resolved[installer])
    hook = resolved.get("worker_process_setup_hook")
    if hook is not None and not isinstance(hook, str):
        exported = runtime.functions.export(hook, "the worker_process_setup_hook")
        resolved["worker_process_setup_hook"] = fields.EXPORTED + exported
    if "env_vars" in resolved:
        resolved["env_vars"] = dict(resolved["env_vars"])
    if "config" in resolved:
        resolved["config"] = dict(resolved["config"])
    return {name: value for name, value in resolved.items() if value not in ([], {}, "")}


def _package(
    runtime: Runtime, name: str, excludes: Sequence[str], *, is_module: bool = False
) -> str:
    if fields.is_uri(name):
        return name
    path = os.path.abspath(os.path.expanduser(name))
    if os.path.isdir(path):
        data = packages.pack(path, excludes, under=os.path.basename(path) if is_module else "")
    elif os.path.isfile(path) and path.endswith((".zip", ".whl")):
        with open(path, "rb") as file:
            data = file.read()
    else:
        raise ValueError(
            f"the runtime_env names {name!r}, which is neither a folder nor a .zip or .whl file"
        )
    return _store(runtime, data)


def _store(runtime: Runtime, data: bytes) -> str:
    uri = packages.uri_of(data)
    if not runtime.ask_kv("kExists", runtime.job_space, uri)["found"]:
        runtime.ask_kv("kPut", runtime.job_space, uri, data)
    return uri


def _module(runtime: Runtime, module: Any, excludes: Sequence[str]) -> str:
    if isinstance(module, types.ModuleType):
        paths = list(getattr(module, "__path__", ()))
        if not paths:
            return _store(runtime, _single_file(str(module.__file__)))
        module = paths[0]
    elif module.endswith(".py") and os.path.isfile(module):
        return _store(runtime, _single_file(module))
    return _package(runtime, module, excludes, is_module=True)


def _single_file(path: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(path), os.path.join(folder, os.path.basename(path)))
        return packages.pack(folder)


def _requirements(value: Any) -> dict[str, Any]:
    """As a dict with a list of packages; files that it names, by their whole paths."""
    given = dict(value) if isinstance(value, Mapping) else {"packages": value}
    lines = given["packages"]
    if isinstance(lines, str):
        try:
            with open(lines) as file:
                lines = file.read().splitlines()
        except OSError as error:
            raise ValueError(f"the requirements file {lines!r} cannot be read: {error}") from None
    given["packages"] = [_absolute(line.strip()) for line in lines if _says_something(line)]
    return given


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _absolute(requirement: str) -> str:
    is_path = os.sep in requirement or requirement.endswith((".whl", ".tar.gz"))
    return os.path.abspath(requirement) if is_path and os.path.exists(requirement) else requirement
