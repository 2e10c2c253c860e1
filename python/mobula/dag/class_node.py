# SPDX-License-Identifier: Apache-2.0
"""Actors that a graph makes, and calls of their methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _options
from mobula.dag.dag_node import DAGNode, Values
from mobula.dag.input_node import InputNode

if TYPE_CHECKING:
    from mobula._actor import ActorClass
    from mobula._actor_handle import ActorHandle

__all__ = ["ClassMethodNode", "ClassNode"]


class ClassNode(DAGNode):
    """What ``ActorClass.bind`` returns: an actor, made anew each time that the graph is executed.

    The calls bound to it are made in the order in which they were bound, wherever the graph ends.
    """

    def __init__(
        self, actor_class: ActorClass, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """An actor that does not exist yet."""
        super().__init__(args, kwargs, actor_class._options)
        self._actor_class = actor_class
        self._last_call: ClassMethodNode | None = None
        if any(isinstance(node, InputNode) for node in self._upstream):
            raise ValueError(
                "InputNode handles user dynamic input the DAG, and cannot be used as args, kwargs, "
                "or other_args_to_resolve in ClassNode constructor because it is not available at "
                "class construction or binding time."
            )

    def __getattr__(self, name: str) -> _UnboundMethod:
        """A method, to be bound."""
        actor_class = self.__dict__.get("_actor_class")
        if actor_class is None or name not in actor_class._methods:
            owner = "a node" if actor_class is None else f"type object '{actor_class.__name__}'"
            raise AttributeError(f"{owner} has no attribute '{name}'")
        return _UnboundMethod(self, name, {})

    def __repr__(self) -> str:
        """For people."""
        return f"ClassNode({self._actor_class.__name__})"

    def _execute_impl(self, given: Any, values: Values) -> ActorHandle:
        args, kwargs = self._arguments(values)
        return self._actor_class.remote(*args, **kwargs)


class _UnboundMethod:
    """A method of a node that stands for an actor."""

    def __init__(self, node: ClassNode, name: str, options: dict[str, Any]) -> None:
        self._node = node
        self._name = name
        self._options = options

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{self._node!r} stands for an actor that does not exist yet: use "
            f"{self._name}.bind() instead of {self._name}()"
        )

    def options(self, **options: Any) -> _UnboundMethod:
        """The same method with options for single calls."""
        checked = _options.check(options, _options.METHOD, f"method {self._name}")
        return _UnboundMethod(self._node, self._name, {**self._options, **checked})

    def bind(self, *args: Any, **kwargs: Any) -> ClassMethodNode:
        """A call, to be executed."""
        node = self._node
        shape = node._actor_class._methods[self._name].shape
        shape.check(args, kwargs, self._name)
        needs = [node] if node._last_call is None else [node, node._last_call]
        call = ClassMethodNode(node, self._name, args, kwargs, self._options, needs)
        node._last_call = call
        return call


class ClassMethodNode(DAGNode):
    """A call of a method: of an actor that the graph makes, or of one that there is."""

    def __init__(
        self,
        actor: ClassNode | ActorHandle,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        needs: Sequence[DAGNode] = (),
    ) -> None:
        """A call that is not made yet, and is made behind those that it ``needs``."""
        super().__init__(args, kwargs, options)
        self._actor = actor
        self._name = name
        self._upstream = [*needs, *self._upstream]

    def get_method_name(self) -> str:
        """Of the method that is called."""
        return self._name

    def __repr__(self) -> str:
        """For people."""
        return f"ClassMethodNode({self._actor!r}.{self._name})"

    def _execute_impl(self, given: Any, values: Values) -> Any:
        handle = values[self._actor] if isinstance(self._actor, ClassNode) else self._actor
        args, kwargs = self._arguments(values)
        return getattr(handle, self._name).options(**self._bound_options).remote(*args, **kwargs)
