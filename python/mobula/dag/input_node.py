# SPDX-License-Identifier: Apache-2.0
"""What a graph is given when it is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobula.dag.dag_node import DAGNode, Values

__all__ = ["DAGInputData", "InputAttributeNode", "InputNode"]


class DAGInputData:
    """The arguments of ``execute``, when there are several: positions and keywords."""

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """As they were given."""
        self._args = list(args)
        self._kwargs = dict(kwargs)

    def __getitem__(self, key: int | str) -> Any:
        """The argument at a position, or of a keyword."""
        if isinstance(key, int):
            if not -len(self._args) <= key < len(self._args):
                raise IndexError(
                    f"the graph needs input[{key}]; execute() was given {len(self._args)} "
                    f"positional arguments"
                )
            return self._args[key]
        if key not in self._kwargs:
            given = ", ".join(self._kwargs) or "none"
            raise KeyError(f"the graph needs the keyword {key!r}; execute() was given: {given}")
        return self._kwargs[key]

    def _single(self) -> Any:
        """The only argument, if there is one without a keyword; else the whole."""
        return self._args[0] if len(self._args) == 1 and not self._kwargs else self


class InputNode(DAGNode):
    """Stands for the argument of ``execute``; with several, its items and attributes for each.

    >>> import mobula
    >>> @mobula.remote
    ... def power(base, exponent):
    ...     return base**exponent
    >>> with InputNode() as given:
    ...     graph = power.bind(given[0], given.exponent)
    >>> mobula.get(graph.execute(2, exponent=5))
    32
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes no arguments."""
        if args or kwargs:
            raise ValueError("InputNode should not take any args or kwargs.")
        super().__init__((), {}, {})
        self._entered = False

    def __enter__(self) -> InputNode:
        """Itself; graphs with input are written inside a ``with`` statement."""
        self._entered = True
        return self

    def __exit__(self, *error: object) -> None:
        """The graph may be executed from now on."""

    def __getitem__(self, key: int | str) -> InputAttributeNode:
        """An item of what will be given."""
        if not isinstance(key, (int, str)):
            raise ValueError(
                "Please only use int index or str as first-level key to access fields of dag "
                f"input, got {key!r}"
            )
        return InputAttributeNode(self, key, is_item=True)

    def __getattr__(self, key: str) -> InputAttributeNode:
        """An attribute, or keyword, of what will be given."""
        if key.startswith("_"):
            raise AttributeError(key)
        return InputAttributeNode(self, key, is_item=False)

    def __repr__(self) -> str:
        """For people."""
        return "InputNode()"

    def _execute_impl(self, given: DAGInputData, values: Values) -> Any:
        if not self._entered:
            raise AssertionError(
                "InputNode is a singleton instance that should be only used in context manager for "
                "dag building and execution: with InputNode() as dag_input: ..."
            )
        return given._single()


class InputAttributeNode(DAGNode):
    """One item or attribute of the input."""

    def __init__(self, input_node: InputNode, key: int | str, *, is_item: bool) -> None:
        """Use ``input_node[key]`` or ``input_node.key``."""
        super().__init__((input_node,), {}, {})
        self._key = key
        self._is_item = is_item

    @property
    def key(self) -> int | str:
        """Of the item, or the attribute's name."""
        return self._key

    def __repr__(self) -> str:
        """For people."""
        return f"InputNode()[{self._key!r}]" if self._is_item else f"InputNode().{self._key}"

    def _execute_impl(self, given: DAGInputData, values: Values) -> Any:
        value = values[self._bound_args[0]]
        if self._is_item or isinstance(value, DAGInputData):
            return value[self._key]
        return getattr(value, str(self._key))
