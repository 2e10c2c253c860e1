# SPDX-License-Identifier: Apache-2.0
"""Code on its way from drivers to workers: through the key-value store of the cluster."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mobula import _logs, _serialization
from mobula.exceptions import RaySystemError

if TYPE_CHECKING:
    from mobula import _core
    from mobula._runtime import Runtime

SPACE = "function"
# Larger ones are warned of, with Ray's name for the warning.
SIZE_WARN_THRESHOLD = 10**7
TOO_LARGE = "pickling_large_object"
# Still larger ones are refused.
SIZE_ERROR_THRESHOLD = 95 * 1024 * 1024


class FunctionTable:
    """The functions and classes that one process has exported or loaded.

    A function is known by the hash of its pickle; its bytes lie in the key-value store under that
    name for the life of the cluster.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Starts empty."""
        self._runtime = runtime
        self._loaded: dict[str, Any] = {}
        # By id(); the objects stay alive in `_loaded`.
        self._ids: dict[int, str] = {}
        # References captured by exported code, or pickled by others: alive as long as the process.
        self.pinned: list[_core.ObjectRef] = []

    def export(self, code: Any, what: str) -> str:
        """Makes ``code`` (called ``what``) known to all workers; returns its id."""
        known = self._ids.get(id(code))
        if known is not None:
            return known
        pickled = _serialization.serialize(code, what)
        data = pickled.to_bytes()
        if len(data) > SIZE_ERROR_THRESHOLD:
            raise ValueError(
                f"{what} is too large: it has {len(data)} bytes when pickled, and "
                f"FUNCTION_SIZE_ERROR_THRESHOLD is {SIZE_ERROR_THRESHOLD}. It may capture a large "
                f"object: put that, and use its reference"
            )
        if len(data) > SIZE_WARN_THRESHOLD:
            _logs.warn(
                f"{what} has {len(data)} bytes when pickled, which every worker reads. It may "
                f"capture a large object: put that, and use its reference",
                TOO_LARGE,
            )
        function_id = hashlib.blake2b(data, digest_size=16).hexdigest()
        self._runtime.ask_kv("kPut", SPACE, function_id, data)
        self.pinned.extend(pickled.contained or ())
        self._remember(function_id, code)
        return function_id

    def load(self, function_id: str, name: str) -> Any:
        """The code under an id; fetched once."""
        code = self._loaded.get(function_id)
        if code is None:
            reply = self._runtime.ask_kv("kGet", SPACE, function_id)
            if not reply["found"]:
                raise RaySystemError(f"the code of {name} ({function_id}) is not in the cluster")
            code = _serialization.deserialize(reply["value"])
            self._remember(function_id, code)
        return code

    def _remember(self, function_id: str, code: Any) -> None:
        # Of equal ones only the first, which stays: another object will get the other's id().
        if self._loaded.setdefault(function_id, code) is code:
            self._ids[id(code)] = function_id


def find(name: str) -> Any:
    """The code of ``module:function`` or ``module:Class``, as C++ names it.

    What is remote to Python gives the function or class that it was made of.
    """
    from mobula._actor import ActorClass
    from mobula._remote_function import RemoteFunction

    module, _, path = name.partition(":")
    code: Any = importlib.import_module(module)
    for part in path.split("."):
        code = getattr(code, part)
    if isinstance(code, RemoteFunction):
        code = code._function
    elif isinstance(code, ActorClass):
        code = code._class
    if not callable(code):
        raise TypeError(f"{name} is no function or class, but {type(code).__name__}")
    return code


class CallShape:
    """Which arguments a function takes, so that a wrong call fails where it is made."""

    __slots__ = ("_parameters", "_signature", "least", "most")

    def __init__(self, parameters: tuple[tuple[str, int, bool], ...] | None) -> None:
        """From (name, kind, has a default) of each parameter; None when nothing is known."""
        self._parameters = parameters
        self._signature: inspect.Signature | None = None
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        named = [p for p in parameters or () if p[1] in positional]
        kinds = {p[1] for p in parameters or ()}
        required = any(
            kind == inspect.Parameter.KEYWORD_ONLY and not default
            for _, kind, default in parameters or ()
        )
        # Calls without keywords and with that many arguments need no `check`.
        self.least = sum(1 for p in named if not p[2]) if not required else 1 << 30
        unlimited = parameters is None or inspect.Parameter.VAR_POSITIONAL in kinds
        self.most = 1 << 30 if unlimited else len(named)

    @classmethod
    def of(cls, function: Callable[..., Any], skip_first: bool = False) -> CallShape:
        """The shape of a function; of a method without ``self``."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            return cls(None)
        if skip_first and parameters:
            first = parameters[0].kind
            if first != inspect.Parameter.VAR_POSITIONAL:
                parameters = parameters[1:]
        return cls(
            tuple(
                (p.name, int(p.kind), p.default is not inspect.Parameter.empty) for p in parameters
            )
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Only the parameters travel."""
        return CallShape, (self._parameters,)

    def check(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> None:
        """Raises TypeError as a direct call would."""
        if not kwargs and self.least <= len(args) <= self.most:
            return
        if self._parameters is None:
            return
        if self._signature is None:
            self._signature = _signature_of(self._parameters)
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None


def _signature_of(parameters: tuple[tuple[str, int, bool], ...]) -> inspect.Signature:
    empty = inspect.Parameter.empty
    kinds = {int(kind): kind for kind in inspect._ParameterKind}
    return inspect.Signature(
        [
            inspect.Parameter(name, kinds[kind], default=None if default else empty)
            for name, kind, default in parameters
        ]
    )
