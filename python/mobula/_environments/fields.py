# SPDX-License-Identifier: Apache-2.0
"""The fields of a runtime environment: which there are, and what they may be."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], "str | None"]


class OtherType(str):
    """What a value should have been that is of another type: a TypeError, as Ray has it."""


# Ray's usual one, for `config`.
SETUP_TIMEOUT_S = 600
# Before the id of a function that was exported, where the name of one may stand.
EXPORTED = "exported:"
_URI = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

# Fields of Ray's that need what is not here.
_REFUSED = {
    "conda": "conda environments are not made; say the packages with pip or uv",
    "container": "workers are not put into containers; start the nodes in one",
    "image_uri": "workers are not put into containers; start the nodes in one",
    "py_executable": "workers run on the Python of their node, or on that of pip and uv",
    "java_jars": "there are no Java workers",
    "nsight": "there is no profiler to start workers under",
    "rocprof_sys": "there is no profiler to start workers under",
    "mpi": "workers are not started by MPI",
}


def is_uri(text: str) -> bool:
    """Whether it names something with a scheme, rather than a local file."""
    return _URI.match(text) is not None


def check(value: Any) -> str | None:
    """What a runtime environment should have been; None when it is one."""
    if not isinstance(value, Mapping):
        return "a dict"
    for name, field in value.items():
        if name in _REFUSED:
            return f"no field {name}: {_REFUSED[name]}"
        if name not in _CHECKS:
            return f"a dict with the fields {', '.join(sorted(_CHECKS))}, not {name!r}"
        expected = None if field is None else _CHECKS[name](field)
        if expected is not None:
            return type(expected)(f"a dict whose {name} is {expected}")
    if value.get("pip") and value.get("uv"):
        return "a dict with pip or uv, not both"
    return None


def merge(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """What a child gets: its own fields, and its parent's others; variables are merged by name."""
    own = {name: value for name, value in child.items() if value is not None}
    merged = {**parent, **own}
    variables = {**parent.get("env_vars", {}), **own.get("env_vars", {})}
    if variables:
        merged["env_vars"] = variables
    if "pip" in own:
        merged.pop("uv", None)
    if "uv" in own:
        merged.pop("pip", None)
    return merged


def setup_timeout_s(env: Mapping[str, Any]) -> float | None:
    """How long making it may take; None for as long as it takes."""
    seconds = env.get("config", {}).get("setup_timeout_seconds", SETUP_TIMEOUT_S)
    return None if seconds == -1 else float(seconds)


def _strings(value: Any) -> str | None:
    ok = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return None if ok else OtherType(f"a list of strings, not {value!r}")


def _variables(value: Any) -> str | None:
    ok = isinstance(value, Mapping) and all(
        isinstance(item, str) for pair in value.items() for item in pair
    )
    return None if ok else OtherType(f"a dict from strings to strings, not {value!r}")


def _package(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        kind = str if isinstance(value, str) else OtherType
        return kind(f"a folder, a zip file or a URI, not {value!r}")
    if is_uri(value) and not value.lower().endswith((".zip", ".whl")):
        return f"a URI of a .zip or .whl file, not {value!r}"
    return None


def _modules(value: Any) -> str | None:
    if not isinstance(value, (list, tuple)):
        return OtherType(f"a list of modules, folders, zip files, wheels and URIs, not {value!r}")
    for item in value:
        if isinstance(item, types.ModuleType):
            if getattr(item, "__file__", None) is None and not hasattr(item, "__path__"):
                return f"a list without the module {item.__name__}, which has no file"
        elif (expected := _package(item)) is not None:
            return type(expected)(f"a list whose items are {expected}")
    return None


_PIP_FIELDS = {
    "packages": "a list of requirements, or the name of a requirements file",
    "pip_check": "True or False",
    "pip_version": "a version specifier such as '==23.2.1'",
    "pip_install_options": "a list of options of pip install",
}
_UV_FIELDS = {
    "packages": "a list of requirements, or the name of a requirements file",
    "uv_check": "True or False",
    "uv_version": "a version specifier such as '==0.4.0'",
    "uv_pip_install_options": "a list of options of uv pip install",
}


def _installer(value: Any, known: Mapping[str, str]) -> str | None:
    if not isinstance(value, Mapping):
        if isinstance(value, str) or _strings(value) is None:
            return None
        return OtherType(f"a list of requirements, a requirements file or a dict, not {value!r}")
    if "packages" not in value:
        return "a dict that has 'packages'"
    for name, field in value.items():
        if name not in known:
            return f"a dict with {', '.join(known)}, not {name!r}"
        if name == "packages":
            ok = isinstance(field, str) or _strings(field) is None
        elif name.endswith("_check"):
            ok = isinstance(field, bool)
        elif name.endswith("_version"):
            ok = isinstance(field, str)
        else:
            ok = _strings(field) is None
        if not ok:
            return f"a dict whose {name} is {known[name]}, not {field!r}"
    return None


def _hook(value: Any) -> str | None:
    if callable(value):
        return None
    is_name = isinstance(value, str) and "." in value.strip(".")
    return (
        None if is_name else f"a function, or the name of one as 'module.function', not {value!r}"
    )


def _config(value: Any) -> str | None:
    known = {"setup_timeout_seconds", "eager_install"}
    if not isinstance(value, Mapping) or set(value) - known:
        kind = str if isinstance(value, Mapping) else OtherType
        return kind(
            f"a RuntimeEnvConfig, or a dict with setup_timeout_seconds, eager_install: {value!r}"
        )
    seconds = value.get("setup_timeout_seconds", SETUP_TIMEOUT_S)
    is_whole = isinstance(seconds, int) and not isinstance(seconds, bool)
    if not is_whole or (seconds <= 0 and seconds != -1):
        return f"a config whose setup_timeout_seconds is an integer above 0, or -1: {seconds!r}"
    eager = value.get("eager_install", True)
    return None if isinstance(eager, bool) else f"a config whose eager_install is a bool: {eager!r}"


_CHECKS: dict[str, Check] = {
    "env_vars": _variables,
    "working_dir": _package,
    "py_modules": _modules,
    "excludes": _strings,
    "pip": lambda value: _installer(value, _PIP_FIELDS),
    "uv": lambda value: _installer(value, _UV_FIELDS),
    "config": _config,
    "worker_process_setup_hook": _hook,
}
