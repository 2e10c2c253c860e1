# SPDX-License-Identifier: Apache-2.0
"""One simulation from its options to its exit code."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Sequence

from mobula import _core, _program, _sim_watchdog, _virtual, _world, alias
from mobula._sim_hub import Hub
from mobula._sim_options import SimOptions, parse_costs, parse_span
from mobula._sim_world import SimWorld
from mobula._virtual_threads import finish_threads


def simulate(program: str, arguments: Sequence[str], options: SimOptions) -> int:
    """Runs a program in a simulated cluster, then reports; returns the program's exit code.

    For once in a process: the virtual world replaces parts of the standard library for good.

    Raises:
        ValueError: An option is wrong.
    """
    world = _make_world(options)
    hub = Hub(world, seed=options.seed)
    errors = sys.stderr
    _program.prepare(program, arguments)
    alias.install()
    _world.current = SimWorld(hub, options)
    _virtual.install(hub)
    _sim_watchdog.start(hub, options.watchdog_s)

    def main() -> int:
        code = _program.execute(program)
        finish_threads(hub.driver)
        atexit._run_exitfuncs()
        return code

    code = hub.run(main)
    _sim_watchdog.stop()
    sys.stdout.flush()
    print(world.report()["text"].rstrip(), file=errors)
    print(f"trace hash {world.trace_hash()}", file=errors, flush=True)
    return code


def _make_world(options: SimOptions) -> _core.World:
    cost_ns, costs_ns = parse_costs(options.cost)
    return _core.World(
        nodes=options.nodes,
        resources=options.resources(),
        store_capacity=options.object_store_memory,
        seed=options.seed,
        crashes=options.crash,
        restarts=options.restart,
        trace_file=options.trace,
        latency_ns=None if options.latency is None else parse_span(options.latency),
        cost_ns=cost_ns,
        costs_ns=costs_ns,
        check_invariants=options.check_invariants,
    )
