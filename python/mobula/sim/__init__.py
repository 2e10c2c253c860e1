# SPDX-License-Identifier: Apache-2.0
"""Runs programs in the simulator from Python, for tests.

For example::

    from mobula import sim

    result = sim.run("program.py", nodes=3, seed=7, crash=["n2@0.5s"])
    assert result.returncode == 0, result.report
    assert result.hash == sim.run("program.py", nodes=3, seed=7, crash=["n2@0.5s"]).hash
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cloudpickle

from mobula import _world
from mobula._sim_options import SimOptions
from mobula._sim_process import DeadlockError, NotSimulatedError, SpinningError
from mobula._sim_world import SimWorld
from mobula.faults import Plan
from mobula.sim._cluster import Cluster
from mobula.sim._control import Control

__all__ = [
    "Cluster",
    "Control",
    "DeadlockError",
    "NotSimulatedError",
    "Result",
    "SpinningError",
    "current_cluster",
    "run",
]

_CALLER = pathlib.Path(__file__).with_name("_call.py")


@dataclasses.dataclass(frozen=True)
class Result:
    """What came out of a simulation."""

    # Of the program.
    returncode: int
    # The program's standard output, with what its workers printed.
    output: str
    # Standard error: the program's own, then what was lost and executed again.
    report: str
    # Over all events; empty when the simulation did not start or was broken off.
    hash: str


def run(
    program: str | os.PathLike[str] | Callable[[], Any],
    arguments: Sequence[str] = (),
    *,
    timeout: float | None = None,
    **options: Any,
) -> Result:
    """Runs a program file, or a function as the program, in a simulation of its own.

    The simulation is a process of its own, so that nothing here has an influence on it.

    Args:
        program: The path of a program; or a function without arguments.
        arguments: The program's own.
        timeout: In real seconds; subprocess.TimeoutExpired is raised when they have passed.
        **options: As `mobula sim` takes them, with underscores: nodes, cpus, gpus,
            object_store_memory, label, seed, faults, crash, crash_worker, restart, trace, latency,
            cost, check_invariants, watchdog. Those that may be repeated are lists; faults are plan
            files, or mobula.faults.Plan.
    """
    with _as_file(program) as (path, own), tempfile.TemporaryDirectory("mobula-plans") as folder:
        flags = _flags(options, folder)
        ran = subprocess.run(
            [sys.executable, "-m", "mobula", "sim", *flags, path, "--", *own, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    *report, last = ran.stderr.splitlines() or [""]
    words = last.split()
    if words[:2] == ["trace", "hash"]:
        return Result(ran.returncode, ran.stdout, "\n".join(report), words[2])
    return Result(ran.returncode, ran.stdout, ran.stderr, "")


def current_cluster() -> Control:
    """What can be done to the simulated cluster that the caller runs in.

    Raises:
        RuntimeError: The caller does not run in the simulator.
    """
    world = _world.current
    if not isinstance(world, SimWorld):
        raise RuntimeError("this code does not run in a simulated cluster: see mobula.sim.Cluster")
    return Control(world.hub)


def _flags(options: dict[str, Any], folder: str) -> list[str]:
    """The options as flags; plans travel in files of the folder."""
    plans = SimOptions(faults=options.get("faults")).faults  # type: ignore[arg-type]
    files = []
    for number, plan in enumerate(plans):
        if isinstance(plan, Plan):
            file = os.path.join(folder, f"plan{number}.textproto")
            plan.dump(file)
            plan = file
        files.append(os.fspath(plan))
    options = {**options, "faults": files}
    fields = [field.name for field in dataclasses.fields(SimOptions)]
    known = {"crash_worker", *(name.removesuffix("_s") for name in fields)}
    flags = []
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}")
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            flags += [flag] if value else []
        elif isinstance(value, (list, tuple)):
            for item in value:
                flags += [flag, str(item)]
        elif value is not None:
            flags += [flag, str(value)]
    return flags


@contextlib.contextmanager
def _as_file(
    program: str | os.PathLike[str] | Callable[[], Any],
) -> Iterator[tuple[str, list[str]]]:
    """Gives the path of a program and its first arguments: a function travels in a file."""
    if not callable(program):
        yield os.fspath(program), []
        return
    module = sys.modules.get(program.__module__)
    by_value = module is not None and program.__module__ != "__main__"
    if by_value:
        # The simulation may not find the module of a test.
        cloudpickle.register_pickle_by_value(module)
    try:
        pickled = cloudpickle.dumps(program)
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)
    with tempfile.NamedTemporaryFile(prefix="mobula-sim-", suffix=".pickle") as file:
        file.write(pickled)
        file.flush()
        yield str(_CALLER), [file.name]
