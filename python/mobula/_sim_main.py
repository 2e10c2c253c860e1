# SPDX-License-Identifier: Apache-2.0
"""One simulation from its options to its exit code."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Sequence
from typing import Any

from mobula import (
    _core,
    _logs,
    _program,
    _sim_watchdog,
    _sim_worker,
    _virtual,
    _world,
    alias,
)
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
    _sim_worker.install(hub)
    _install_messages(hub)
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


def _install_messages(hub: Hub) -> None:
    """Shows what the world has to say to the program's user."""

    def show_logs(worker: str, logs: dict[str, Any]) -> None:
        runtime = hub.driver.runtime
        if runtime is not None and runtime.log_to_driver:
            _logs.show(logs, hub.driver.node)

    hub.handlers["LogsShown"] = show_logs
    hub.handlers["Warned"] = lambda worker, message: _logs.warn(message)
    hub.handlers["Idle"] = lambda worker, waits: _sim_watchdog.report_deadlock(hub, waits)


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
