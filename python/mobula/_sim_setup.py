# SPDX-License-Identifier: Apache-2.0
"""Puts this interpreter into the simulated world, and takes it out again."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from mobula import _core, _logs, _sim_watchdog, _sim_worker, _unhandled, _virtual, _world
from mobula._sim_hub import Hub
from mobula._sim_options import SimOptions, parse_costs, parse_span
from mobula._sim_world import SimWorld
from mobula._virtual_patch import put
from mobula.faults import Fault, Plan

Deadlock = Callable[[Hub, list[str]], None]


def enter(options: SimOptions, on_deadlock: Deadlock = _sim_watchdog.report_deadlock) -> Hub:
    """Replaces the outside world by a simulated one; returns its hub.

    Raises:
        ValueError: An option is wrong.
    """
    hub = Hub(make_world(options), seed=options.seed)
    put(_world, "current", SimWorld(hub, options))
    _virtual.install(hub)
    _sim_worker.install(hub)
    _install_messages(hub, on_deadlock)
    return hub


def begin(hub: Hub, options: SimOptions) -> None:
    """Gives an entered world that has run nothing yet other options."""
    hub.reset(make_world(options), options.seed)
    _world.current = SimWorld(hub, options)


def leave() -> None:
    """Gives the outside world back."""
    _virtual.uninstall()


def make_world(options: SimOptions) -> _core.World:
    """The world that the options describe, before anything runs in it."""
    cost_ns, costs_ns = parse_costs(options.cost)
    return _core.World(
        nodes=options.labels(),
        resources=options.resources(),
        store_capacity=options.object_store_memory,
        seed=options.seed,
        plans=[_plan_text(plan) for plan in options.faults],
        crashes=options.crash,
        restarts=options.restart,
        trace_file=options.trace,
        hashes_file=options.hashes,
        latency_ns=None if options.latency is None else parse_span(options.latency),
        cost_ns=cost_ns,
        costs_ns=costs_ns,
        check_invariants=options.check_invariants,
    )


def plan_of(options: SimOptions) -> Plan:
    """The plans of the options as one.

    Raises:
        ValueError: A plan file is wrong, with the line and what was expected.
    """
    faults: list[Fault] = []
    for plan in options.faults:
        text, file, form = _plan_text(plan)
        faults += Plan.parse(text, file=file, form=form).faults
    return Plan(faults)


def _plan_text(plan: Any) -> tuple[str, str, str]:
    """Text, file and form of a plan, or of the plan file of that name."""
    if hasattr(plan, "to_json"):
        return plan.to_json(), "plan", "json"
    file = os.fspath(plan)
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the fault plan {file}: {error}") from error
    return text, file, "json" if file.endswith(".json") else "text"


def _install_messages(hub: Hub, on_deadlock: Deadlock) -> None:
    """Shows what the world has to say to the program's user."""

    def show_logs(worker: str, logs: dict[str, Any]) -> None:
        runtime = hub.driver.runtime
        if runtime is not None:
            _logs.show(logs, hub.driver.node, visibly=runtime.log_to_driver)

    def tell_unhandled(worker: str, payload: dict[str, Any]) -> None:
        # In a thread of the driver, as what the error consists of is the program's.
        hub.spawn(hub.driver, lambda: _unhandled.report(payload))

    hub.handlers["ErrorUnhandled"] = tell_unhandled
    hub.handlers["LogsShown"] = show_logs
    hub.handlers["Warned"] = lambda worker, message: _logs.warn(message)
    hub.handlers["Idle"] = lambda worker, waits: on_deadlock(hub, waits)
