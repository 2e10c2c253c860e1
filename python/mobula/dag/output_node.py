# SPDX-License-Identifier: Apache-2.0
"""Graphs with several ends."""

from __future__ import annotations

from typing import Any

from mobula.dag.dag_node import DAGNode, Values

__all__ = ["MultiOutputNode"]


class MultiOutputNode(DAGNode):
    """Its value is the list of the values of other nodes.

    >>> import mobula
    >>> from mobula.dag import InputNode
    >>> @mobula.remote
    ... def negative(x):
    ...     return -x
    >>> with InputNode() as x:
    ...     graph = MultiOutputNode([negative.bind(x), negative.bind(negative.bind(x))])
    >>> mobula.get(graph.execute(5))
    [-5, 5]
    """

    def __init__(self, args: list[DAGNode] | tuple[DAGNode, ...]) -> None:
        """The nodes, in the order of their values."""
        if not isinstance(args, (list, tuple)):
            raise ValueError(f"Invalid input type for `args`, {type(args)}.")
        super().__init__((list(args),), {}, {})

    def __repr__(self) -> str:
        """For people."""
        return f"MultiOutputNode({self._bound_args[0]!r})"

    def _execute_impl(self, given: Any, values: Values) -> list[Any]:
        args, _ = self._arguments(values)
        return list(args[0])
