# SPDX-License-Identifier: Apache-2.0
"""Functions that run as tasks."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, overload

from mobula import _arguments, _options
from mobula._core import TaskTemplate
from mobula._functions import CallShape
from mobula._placement import NOWHERE, Placement, placement_of
from mobula._runtime import Runtime, current
from mobula._typing import P, R, T

if TYPE_CHECKING:
    from mobula._core import ObjectRef
    from mobula._object_ref_generator import ObjectRefGenerator
    from mobula._typing import (
        T0,
        T1,
        T2,
        T3,
        T4,
        Arg,
        Several,
        Takes1,
        Takes2,
        Takes3,
        Takes4,
        Takes5,
    )
    from mobula.dag import FunctionNode

DEFAULT_TASK_MAX_RETRIES = 3


class RemoteFunction(Generic[P, R]):
    """A function that ``.remote()`` calls in a worker of the cluster.

    >>> import mobula
    >>> @mobula.remote(num_cpus=0.5)
    ... def double(x):
    ...     return 2 * x
    >>> mobula.get(double.remote(4))
    8
    >>> mobula.get(double.options(name="twice").remote(5))
    10
    """

    # How the arguments of a call travel.
    _encode = staticmethod(_arguments.encode)

    def __init__(self, function: Callable[P, R], options: dict[str, Any]) -> None:
        """``options`` are checked."""
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ValueError(
                f"'async def' should not be used for remote tasks, and {function.__qualname__} is "
                f"an async function: make it a method of an actor, or run it with asyncio.run "
                f"inside a plain function"
            )
        self._function = function
        self._options = options
        self._is_generator = inspect.isgeneratorfunction(function)
        _options.check_generator(options, self._is_generator, function.__name__)
        self._shape = CallShape.of(function)
        # Ray's hook for libraries: what is called in the place of `remote`, with how to submit.
        self._decorator = getattr(function, "__ray_invocation_decorator__", None)
        # Made when first called, for the process that calls.
        # Of callers that hand on no placement group, and by the placement of those that do.
        self._template: TaskTemplate | None = None
        self._captured: dict[Placement, TaskTemplate] = {}
        self._template_runtime: Runtime | None = None
        wrapper: Any = self
        functools.update_wrapper(wrapper, function)

    def __getstate__(self) -> dict[str, Any]:
        """What other processes need; templates belong to this one."""
        return {**self.__dict__, "_template": None, "_template_runtime": None, "_captured": {}}

    if not TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
            """Refuses: a remote function runs as a task."""
            name = self._function.__name__
            raise TypeError(
                f"Remote functions cannot be called directly. Instead of '{name}()', use "
                f"'{name}.remote()'."
            )

    if TYPE_CHECKING:

        def _call(self, *args: P.args, **kwargs: P.kwargs) -> R:
            """What it takes and returns, for the signatures of ``remote``."""

    @overload
    def remote(self: RemoteFunction[P, Several], *args: P.args, **kwargs: P.kwargs) -> Any: ...

    @overload
    def remote(  # type: ignore[overload-overlap]
        self: RemoteFunction[P, Generator[T, Any, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> ObjectRefGenerator[T]: ...

    @overload
    def remote(  # type: ignore[overload-overlap]
        self: RemoteFunction[P, Iterator[T]], *args: P.args, **kwargs: P.kwargs
    ) -> ObjectRefGenerator[T]: ...

    @overload
    def remote(  # type: ignore[overload-overlap]
        self: Takes1[T0, Iterator[T]], a: Arg[T0], /
    ) -> ObjectRefGenerator[T]: ...

    @overload
    def remote(  # type: ignore[overload-overlap]
        self: Takes2[T0, T1, Iterator[T]], a: Arg[T0], b: Arg[T1], /
    ) -> ObjectRefGenerator[T]: ...

    @overload
    def remote(  # type: ignore[overload-overlap]
        self: Takes3[T0, T1, T2, Iterator[T]], a: Arg[T0], b: Arg[T1], c: Arg[T2], /
    ) -> ObjectRefGenerator[T]: ...

    @overload
    def remote(self, *args: P.args, **kwargs: P.kwargs) -> ObjectRef[R]: ...

    @overload
    def remote(self: Takes1[T0, R], a: Arg[T0], /) -> ObjectRef[R]: ...

    @overload
    def remote(self: Takes2[T0, T1, R], a: Arg[T0], b: Arg[T1], /) -> ObjectRef[R]: ...

    @overload
    def remote(
        self: Takes3[T0, T1, T2, R], a: Arg[T0], b: Arg[T1], c: Arg[T2], /
    ) -> ObjectRef[R]: ...

    @overload
    def remote(
        self: Takes4[T0, T1, T2, T3, R], a: Arg[T0], b: Arg[T1], c: Arg[T2], d: Arg[T3], /
    ) -> ObjectRef[R]: ...

    @overload
    def remote(
        self: Takes5[T0, T1, T2, T3, T4, R],
        a: Arg[T0],
        b: Arg[T1],
        c: Arg[T2],
        d: Arg[T3],
        e: Arg[T4],
        /,
    ) -> ObjectRef[R]: ...

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Submits a task; returns its ``ObjectRef``, or a list of ``num_returns`` of them.

        A generator function's task returns an ``ObjectRefGenerator``; with
        ``num_returns="dynamic"``, a reference to a ``DynamicObjectRefGenerator``.
        """
        if self._decorator is not None:
            return self._decorator(lambda args, kwargs: self._submit(args, kwargs))(args, kwargs)
        return self._submit(args, kwargs)

    def _submit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        execution = current()
        runtime = execution.runtime
        template = self._template
        if template is None or self._template_runtime is not runtime:
            self._captured = {}
            self._template_runtime = runtime
            template = self._template = self._make_template(runtime, NOWHERE)
        if not runtime.is_driver:
            parent = placement_of(execution)
            if parent.captures_children:
                template = self._captured_template(runtime, parent)
        shape, slots = self._shape, _arguments.NO_SLOTS
        if kwargs or not shape.least <= len(args) <= shape.most:
            shape.check(args, kwargs, self._function.__name__)
        if args or kwargs:
            slots = self._encode(execution, args, kwargs, self._function.__name__)
        return runtime.process.submit_task(execution.context, template, *slots)

    def _remote(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Ray's older way to give options with a call."""
        function: RemoteFunction[..., Any] = self.options(**options)
        return function.remote(*args, **(kwargs or {}))

    def bind(self, *args: Any, **kwargs: Any) -> FunctionNode:
        """A call as a node of a graph, which ``execute`` runs; see ``mobula.dag``."""
        from mobula.dag.function_node import FunctionNode

        self._shape.check(args, kwargs, self._function.__name__)
        return FunctionNode(self, args, kwargs)

    @overload
    def options(
        self, *, num_returns: Literal[1, "streaming"] | None = None, **options: Any
    ) -> RemoteFunction[P, R]: ...

    @overload
    def options(self, *, num_returns: int | str, **options: Any) -> RemoteFunction[P, Several]: ...

    def options(self, **options: Any) -> RemoteFunction[P, Any]:
        """The same function with other options, for single calls."""
        if "max_calls" in options:
            raise ValueError(
                "Setting 'max_calls' is not supported in '.options()': it is of the function, so "
                "give it to @remote"
            )
        checked = _options.check(
            options, _options.FUNCTION, f"remote function {self._function.__name__}"
        )
        return type(self)(self._function, {**self._options, **checked})

    def _captured_template(self, runtime: Runtime, parent: Placement) -> TaskTemplate:
        template = self._captured.get(parent)
        if template is None:
            template = self._captured[parent] = self._make_template(runtime, parent)
        return template

    def _make_template(self, runtime: Runtime, parent: Placement) -> TaskTemplate:
        function, options = self._function, self._options
        retry = options.get("retry_exceptions", False)
        extras = _options.retry_extras(retry)
        if options.get("max_calls"):
            extras["max_calls"] = options["max_calls"]
        resources = _options.resources_of(options, default_cpus=1)
        what = f"the task {function.__name__}"
        return TaskTemplate(
            kind="kNormal",
            **self._code_fields(runtime),
            name=options.get("name", function.__name__),
            max_retries=options.get("max_retries", _default_max_retries()),
            retry_exceptions=bool(retry),
            language_options=_options.serialize_extras(extras),
            **_options.return_fields(options, self._is_generator),
            **_options.template_fields(runtime, options, resources),
            **_options.strategy_fields(options, parent, resources, what),
        )

    def _code_fields(self, runtime: Runtime) -> dict[str, Any]:
        """Where workers find the code."""
        function = self._function
        what = f"the function {function.__qualname__}"
        return {
            "function_id": runtime.functions.export(function, what),
            "function_name": function.__qualname__,
        }


def _default_max_retries() -> int:
    return int(os.environ.get("RAY_TASK_MAX_RETRIES", DEFAULT_TASK_MAX_RETRIES))
