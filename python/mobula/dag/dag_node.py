# SPDX-License-Identifier: Apache-2.0
"""What all nodes of a graph share, and how a graph is executed."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["DAGNode"]

Values = Mapping["DAGNode", Any]


class DAGNode(abc.ABC):
    """A call with its arguments, some of which are other nodes or contain them.

    Nodes are found inside lists, tuples, sets and dicts.
    """

    def __init__(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        """Nodes are made by ``bind``."""
        self._bound_args = tuple(args)
        self._bound_kwargs = dict(kwargs)
        self._bound_options = dict(options)
        found: dict[DAGNode, None] = {}
        _map_nodes([self._bound_args, self._bound_kwargs], lambda node: found.setdefault(node))
        # What must be executed before, each once.
        self._upstream = list(found)

    def get_args(self) -> tuple[Any, ...]:
        """As they were bound."""
        return self._bound_args

    def get_kwargs(self) -> dict[str, Any]:
        """As they were bound."""
        return dict(self._bound_kwargs)

    def get_options(self) -> dict[str, Any]:
        """Those of the call."""
        return dict(self._bound_options)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the graph that ends here; returns what ``.remote()`` would return.

        Each node runs once, however many others need it. The arguments are what its ``InputNode``
        stands for.

        >>> import mobula
        >>> from mobula.dag import InputNode
        >>> @mobula.remote
        ... def add(x, y):
        ...     return x + y
        >>> with InputNode() as x:
        ...     graph = add.bind(add.bind(x, 1), x)
        >>> mobula.get(graph.execute(3)), mobula.get(graph.execute(4))
        (7, 9)
        """
        from mobula.dag.input_node import DAGInputData

        given = DAGInputData(args, kwargs)
        values: dict[DAGNode, Any] = {}
        for node in self._in_order():
            values[node] = node._execute_impl(given, values)
        return values[self]

    @abc.abstractmethod
    def _execute_impl(self, given: Any, values: Values) -> Any:
        """The value of this node, from those of the nodes that it needs."""

    def _arguments(self, values: Values) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Those of the call, with values in the place of nodes."""
        args, kwargs = _map_nodes((self._bound_args, self._bound_kwargs), values.__getitem__)
        return args, kwargs

    def _in_order(self) -> list[DAGNode]:
        """This node behind all that it needs. Without recursion: graphs can be deep."""
        order: dict[DAGNode, None] = {}
        stack = [(self, iter(self._upstream))]
        while stack:
            node, remaining = stack[-1]
            below = next((one for one in remaining if one not in order), None)
            if below is None:
                order[node] = None
                stack.pop()
            else:
                stack.append((below, iter(below._upstream)))
        return list(order)


def _map_nodes(value: Any, function: Callable[[DAGNode], Any]) -> Any:
    """The value with ``function(node)`` for each node; itself when there is none inside."""
    if isinstance(value, DAGNode):
        return function(value)
    kind = type(value)
    if kind is dict:
        changed = [(key, _map_nodes(member, function)) for key, member in value.items()]
        return dict(changed) if any(new is not value[key] for key, new in changed) else value
    if kind in (list, tuple, set, frozenset):
        before = list(value)
        after = [_map_nodes(member, function) for member in before]
        same = all(new is old for new, old in zip(after, before, strict=True))
        return value if same else kind(after)
    return value
