# SPDX-License-Identifier: Apache-2.0
"""Says which part of a value cannot be pickled."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import cloudpickle

_DEPTH_MAX = 8
_MEMBERS_MAX = 200


def explain(value: Any, what: str, error: Exception) -> TypeError:
    """A TypeError for ``value`` (called ``what``) that names the innermost offending member."""
    path, culprit = _find(value)
    reason = f"{type(error).__name__}: {error}"
    if not path:
        return TypeError(f"Could not serialize {what}, which is {short(value)}: {reason}")
    return TypeError(
        f"Could not serialize {what}: its {' > '.join(path)} is {short(culprit)}, which cannot be "
        f"pickled ({reason}). Leave it out, make it inside the task, or give its class a "
        f"__reduce__ method."
    )


def short(value: Any) -> str:
    """Its ``repr``, or the beginning of that."""
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."


def _can_pickle(value: Any) -> bool:
    try:
        cloudpickle.dumps(value, protocol=5, buffer_callback=lambda buffer: None)
    except Exception:
        return False
    return True


def _find(value: Any) -> tuple[list[str], Any]:
    """Follows the first member that cannot be pickled for as long as there is one."""
    path: list[str] = []
    seen = {id(value)}
    while len(path) < _DEPTH_MAX:
        culprit = next(
            (
                (name, member)
                for name, member in members(value)
                if id(member) not in seen and not _can_pickle(member)
            ),
            None,
        )
        if culprit is None:
            break
        name, value = culprit
        path.append(name)
        seen.add(id(value))
    return path, value


def members(value: Any) -> Iterator[tuple[str, Any]]:
    for count, found in enumerate(_all_members(value)):
        if count >= _MEMBERS_MAX:
            return
        yield found


def _all_members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield f"key {short(key)}", key
            yield f"item [{short(key)}]", member
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, member in enumerate(value):
            yield f"item [{index}]", member
    elif inspect.isfunction(value):
        yield from _function_members(value)
    elif inspect.ismethod(value):
        yield "object __self__", value.__self__
        yield "function __func__", value.__func__
    elif inspect.isclass(value):
        for name, member in vars(value).items():
            if name not in ("__dict__", "__weakref__"):
                yield f"attribute {name}", member
    else:
        for name, member in getattr(value, "__dict__", {}).items():
            yield f"attribute {name}", member


def _function_members(function: Any) -> Iterator[tuple[str, Any]]:
    variables = inspect.getclosurevars(function)
    for name, member in variables.nonlocals.items():
        yield f"captured variable {name}", member
    for name, member in variables.globals.items():
        yield f"global variable {name}", member
    for index, member in enumerate(function.__defaults__ or ()):
        yield f"default argument {index}", member
    for name, member in (function.__kwdefaults__ or {}).items():
        yield f"default of {name}", member
