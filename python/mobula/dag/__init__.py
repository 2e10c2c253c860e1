# SPDX-License-Identifier: Apache-2.0
"""Graphs of calls that are written down first and run later.

``.bind()`` takes the place of ``.remote()`` and returns a node; ``execute`` runs all that a node
needs.
"""

from __future__ import annotations

from mobula.dag.class_node import ClassMethodNode, ClassNode
from mobula.dag.dag_node import DAGNode
from mobula.dag.function_node import FunctionNode
from mobula.dag.input_node import DAGInputData, InputAttributeNode, InputNode
from mobula.dag.output_node import MultiOutputNode

__all__ = [
    "ClassMethodNode",
    "ClassNode",
    "DAGInputData",
    "DAGNode",
    "FunctionNode",
    "InputAttributeNode",
    "InputNode",
    "MultiOutputNode",
]
