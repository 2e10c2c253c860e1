# SPDX-License-Identifier: Apache-2.0
"""The decorator ``remote``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, Protocol, overload

from mobula import _options
from mobula._actor import ActorClass
from mobula._remote_function import RemoteFunction
from mobula._typing import C, ClassOf, P, R, Several


class _Decorator(Protocol):
    """``remote`` with options, of functions with one result."""

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, code: ClassOf[P, C], /
    ) -> ActorClass[C, P]: ...

    @overload
    def __call__(self, code: Callable[P, R], /) -> RemoteFunction[P, R]: ...


class _DecoratorOfSeveral(Protocol):
    """``remote`` with a number of results."""

    def __call__(self, code: Callable[P, Any], /) -> RemoteFunction[P, Several]: ...


@overload
def remote(code: ClassOf[P, C], /) -> ActorClass[C, P]: ...  # type: ignore[overload-overlap]


@overload
def remote(code: Callable[P, R], /) -> RemoteFunction[P, R]: ...


@overload
def remote(*, num_returns: Literal[1, "streaming"] | None = None, **options: Any) -> _Decorator: ...


@overload
def remote(*, num_returns: int | str, **options: Any) -> _DecoratorOfSeveral: ...


def remote(*args: Any, **options: Any) -> Any:
    """Makes a function a task, or a class an actor; with or without options.

    >>> import mobula
    >>> @mobula.remote
    ... def plain():
    ...     return 1
    >>> @mobula.remote(num_returns=2, max_retries=0)
    ... def pair():
    ...     return 1, 2
    >>> mobula.get(pair.remote())
    [1, 2]
    """
    if len(args) == 1 and not options and callable(args[0]):
        return _make(args[0], {})
    if args or not options:
        raise TypeError(
            "The @ray.remote decorator must be applied either with no arguments and no "
            "parentheses, or with keywords only: @ray.remote(num_cpus=2); got "
            f"{', '.join(map(repr, args)) or 'empty parentheses'}"
        )
    known = {**_options.ACTOR, **_options.FUNCTION}
    _options.check(options, known, "a remote function or actor class")

    def decorate(code: Any) -> Any:
        return _make(code, options)

    return decorate


def _make(code: Any, options: dict[str, Any]) -> RemoteFunction | ActorClass:
    if inspect.isclass(code):
        checked = _options.check(options, _options.ACTOR, f"actor class {code.__name__}")
        return ActorClass(code, checked)
    if isinstance(code, (RemoteFunction, ActorClass)):
        raise TypeError(
            f"The @ray.remote decorator must be applied to either a function or a class. "
            f"{_name(code)} is remote already; change its options with .options()"
        )
    if not _is_function(code):
        raise TypeError(
            "The @ray.remote decorator must be applied to either a function or a class, got "
            f"{code!r}"
        )
    checked = _options.check(options, _options.FUNCTION, f"remote function {_name(code)}")
    return RemoteFunction(code, checked)


def _is_function(code: Any) -> bool:
    if isinstance(code, Callable):  # type: ignore[arg-type]
        return inspect.isroutine(code) or hasattr(code, "__wrapped__") or hasattr(code, "__name__")
    return False


def _name(code: Any) -> str:
    return str(getattr(code, "__name__", code))
