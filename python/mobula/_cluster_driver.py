# SPDX-License-Identifier: Apache-2.0
"""The program's own process under `mobula run --nodes`, as a driver of the given cluster."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Any

from mobula import _logs, _program, _world, alias
from mobula._host_world import HostWorld
from mobula._parent import die_with
from mobula._runtime import Runtime
from mobula._world import InitOptions, Node, NodeOptions


class _GivenCluster(HostWorld):
    """The real world, with a cluster that runs already."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def connect(self, options: InitOptions) -> tuple[Runtime, dict[str, Any]]:
        """Joins the cluster, whatever the program says of an address and of a node."""
        if options.node != NodeOptions():
            _logs.logger.warning(
                "what init says of its node has no effect: `mobula run --nodes` made the nodes"
            )
        return super().connect(
            dataclasses.replace(options, address=self._address, node=NodeOptions())
        )

    def start_node(self, options: NodeOptions, cluster_address: str | None) -> Node:
        """Refuses: the plan would not know the node."""
        raise RuntimeError(
            "the nodes of this cluster are those that `mobula run --nodes` made; a program that "
            "makes its own with cluster_utils runs without --nodes and --faults"
        )


def main() -> None:
    """Runs the program to its end: the arguments are the cluster's address, it, and its own."""
    # A plan may stop this process; it must end with its controller all the same.
    die_with(os.getppid())
    address, program, *arguments = sys.argv[1:]
    _world.current = _GivenCluster(address)
    alias.install()
    _program.prepare(program, arguments)
    sys.exit(_program.execute(program))


if __name__ == "__main__":
    main()
