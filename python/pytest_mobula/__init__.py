# SPDX-License-Identifier: Apache-2.0
"""pytest's options for Ray tests on mobula. pytest loads this by itself where mobula is installed.

It imports mobula only when one of its options is given: other test runs pay nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from mobula._pytest_session import SimSession

__all__: list[str] = []

_MARKER = (
    "mobula_faults(plan, *, nodes=None): with --mobula-sim, the test runs under this fault plan (a "
    "file beside the test, a plan's text, or a mobula.faults.Plan) unless --mobula-faults gives one"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("mobula", "Ray tests on mobula")
    add = group.addoption
    add("--mobula", action="store_true", help="`import ray` gives mobula")
    add(
        "--mobula-sim",
        action="store_true",
        help="run each test in the deterministic simulator; `import ray` gives mobula",
    )
    add("--mobula-seeds", type=int, default=1, metavar="N", help="run each test with N seeds [1]")
    add("--mobula-seed", type=int, default=0, metavar="SEED", help="the first of them [0]")
    add("--mobula-nodes", type=int, default=1, metavar="N", help="nodes of a cluster [1]")
    add("--mobula-cpus", type=float, default=4, metavar="N", help="CPUs of each node [4]")
    add(
        "--mobula-faults",
        action="append",
        default=[],
        metavar="PLAN",
        help="a fault plan, as text or JSON; of several, all faults happen",
    )
    add(
        "--mobula-check-invariants",
        action="store_true",
        help="check the runtime after every event",
    )
    add("--mobula-trace", default="", metavar="FILE", help="write the last run's events there")
    add(
        "--mobula-jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="runs of a test at one time [CPUs]",
    )
    add(
        "--mobula-shrink-runs",
        type=int,
        default=200,
        metavar="N",
        help="at most so many runs to make a plan smaller that makes a test fail; 0 for none [200]",
    )
    add(
        "--mobula-watchdog",
        type=float,
        default=30,
        metavar="SECONDS",
        help="real time after which a test that never waits is reported [30]",
    )
    add(
        "--mobula-fixtures",
        action="store_true",
        help="offer the fixtures of Ray's own tests (ray_start_regular, ...) to every test",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, Any, Any]:
    """Prepares the interpreter before conftest files say `import ray`, and before capturing."""
    options = early_config.known_args_namespace
    if options.mobula_sim:
        from mobula import _sim_launch

        if not hasattr(early_config, "workerinput"):
            _sim_launch.fix_process()
        from mobula._pytest_session import SimSession

        early_config.stash[_session] = SimSession(early_config, options)
    if options.mobula_sim or options.mobula:
        from mobula import alias

        alias.install()
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known, and the fixtures if they are asked for."""
    config.addinivalue_line("markers", _MARKER)
    session = config.stash.get(_session, None)
    if session is not None:
        config.pluginmanager.register(session, "mobula-sim")
    if config.option.mobula_fixtures:
        fixtures = importlib.import_module("mobula._ray_fixtures")
        config.pluginmanager.register(fixtures, "mobula-ray-fixtures")


# Set while tests run in the simulator.
_session: pytest.StashKey[SimSession] = pytest.StashKey()
