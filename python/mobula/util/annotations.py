# SPDX-License-Identifier: Apache-2.0
"""How stable a name is: marks for the code of libraries, as Ray's own carries them."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Deprecated", "DeveloperAPI", "PublicAPI", "RayDeprecationWarning"]

_Code = TypeVar("_Code", bound=Callable[..., Any])
_STABILITIES = ("stable", "beta", "alpha")


class RayDeprecationWarning(DeprecationWarning):
    """Something deprecated was called, whose mark says that this shall be told."""


def PublicAPI(  # noqa: N802
    *args: Any, stability: str = "stable", api_group: str = "Others"
) -> Any:
    """Marks what users may rely on, from "alpha" to "stable".

    >>> @PublicAPI(stability="beta")
    ... def greet():
    ...     '''Says hello.'''
    >>> print(greet.__doc__)
    Says hello.
    <BLANKLINE>
    **PublicAPI (beta):** may change before it is stable.
    """
    if stability not in _STABILITIES:
        raise ValueError(f"stability must be one of {', '.join(_STABILITIES)}; got {stability!r}")
    text = "**PublicAPI.**"
    if stability != "stable":
        text = f"**PublicAPI ({stability}):** may change before it is stable."
    return _decorator(args, lambda code: _mark(code, text, api_group))


def DeveloperAPI(*args: Any, api_group: str = "Others") -> Any:  # noqa: N802
    """Marks what other libraries may use, and what may change with a minor release."""
    text = "**DeveloperAPI:** may change across minor releases."
    return _decorator(args, lambda code: _mark(code, text, api_group))


def Deprecated(*args: Any, message: str | None = None, warning: bool = False) -> Any:  # noqa: N802
    """Marks what will go; with ``warning`` each call of it says so."""
    text = f"**DEPRECATED**: {message or 'this will be removed in a future release.'}"

    def mark(code: Any) -> Any:
        marked = _mark(code, text, "Others")
        return _warning(marked, text) if warning else marked

    return _decorator(args, mark)


def _decorator(args: tuple[Any, ...], mark: Callable[[Any], Any]) -> Any:
    """With or without parentheses."""
    if not args:
        return mark
    if len(args) > 1 or not callable(args[0]):
        raise TypeError(f"a mark is put on one function or class, got {args!r}")
    return mark(args[0])


def _mark(code: _Code, text: str, api_group: str) -> _Code:
    code.__doc__ = f"{inspect.cleandoc(code.__doc__ or '')}\n\n{text}".strip()
    code._annotated = code.__name__  # type: ignore[attr-defined]
    code._annotated_api_group = api_group  # type: ignore[attr-defined]
    return code


def _warning(code: Any, text: str) -> Any:
    """A class warns when it is instantiated, a function when it is called."""
    is_class = isinstance(code, type)
    function = vars(code).get("__init__", code.__init__) if is_class else code

    @functools.wraps(function)
    def warn(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"{code.__qualname__}: {text}", RayDeprecationWarning, stacklevel=2)
        return function(*args, **kwargs)

    if not is_class:
        return warn
    code.__init__ = warn
    return code
