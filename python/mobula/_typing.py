# SPDX-License-Identifier: Apache-2.0
"""The types of calls, for type checkers: which arguments a remote function takes.

A call of a function of type ``RemoteFunction[P, R]`` takes what the function takes; in the place of
a positional argument also a reference to it, which only the shapes below can express.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from typing_extensions import ParamSpec, TypeVar

    from mobula._core import ObjectRef

    # The bare names of generic classes mean: of anything.
    P = ParamSpec("P", default=...)
    R = TypeVar("R", default=Any)
    C = TypeVar("C", default=Any)
    _C = TypeVar("_C", covariant=True, default=Any)
    I_co = TypeVar("I_co", covariant=True, default=Any)
    # What a method returns to code of its own class.
    Home = TypeVar("Home", default=Any)
else:
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C")
    _C = TypeVar("_C", covariant=True)
    I_co = TypeVar("I_co", covariant=True)

__all__ = ["C", "ClassOf", "I_co", "P", "R", "Several", "T"]

T = TypeVar("T")
T0 = TypeVar("T0")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
_R = TypeVar("_R", covariant=True)
_0 = TypeVar("_0", contravariant=True)
_1 = TypeVar("_1", contravariant=True)
_2 = TypeVar("_2", contravariant=True)
_3 = TypeVar("_3", contravariant=True)
_4 = TypeVar("_4", contravariant=True)

if TYPE_CHECKING:
    # What is taken in the place of a positional argument.
    Arg: TypeAlias = T | ObjectRef[T]


class Several:
    """In the place of the result's type: the call returns something else than one reference."""


class ClassOf(Protocol[P, _C]):
    """A class, with what its constructor takes; no function has a ``mro``."""

    def mro(self) -> list[type]: ...

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> _C: ...


class Takes1(Protocol[_0, _R]):
    """Can be called with one argument."""

    def _call(self, a: _0, /) -> _R: ...


class Takes2(Protocol[_0, _1, _R]):
    """Can be called with two arguments."""

    def _call(self, a: _0, b: _1, /) -> _R: ...


class Takes3(Protocol[_0, _1, _2, _R]):
    """Can be called with three arguments."""

    def _call(self, a: _0, b: _1, c: _2, /) -> _R: ...


class Takes4(Protocol[_0, _1, _2, _3, _R]):
    """Can be called with four arguments."""

    def _call(self, a: _0, b: _1, c: _2, d: _3, /) -> _R: ...


class Takes5(Protocol[_0, _1, _2, _3, _4, _R]):
    """Can be called with five arguments."""

    def _call(self, a: _0, b: _1, c: _2, d: _3, e: _4, /) -> _R: ...
