# SPDX-License-Identifier: Apache-2.0
"""Calls of remote functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobula.dag.dag_node import DAGNode, Values

if TYPE_CHECKING:
    from mobula._remote_function import RemoteFunction

__all__ = ["FunctionNode"]


class FunctionNode(DAGNode):
    """What ``RemoteFunction.bind`` returns."""

    def __init__(
        self, function: RemoteFunction, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """A call that is not made yet."""
        super().__init__(args, kwargs, function._options)
        self._function = function

    def __repr__(self) -> str:
        """For people."""
        return f"FunctionNode({self._function._function.__name__})"

    def _execute_impl(self, given: Any, values: Values) -> Any:
        args, kwargs = self._arguments(values)
        return self._function.remote(*args, **kwargs)
