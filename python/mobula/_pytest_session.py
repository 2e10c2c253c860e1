# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a pytest session in the simulator, each in a forked copy of the process.

    parent: collects the tests, inside the virtual world, where nothing runs
      └─ fork ─ child: one test with one seed: all its fixtures, whatever their scope, the test, and
                their end, as the driver of a fresh cluster; its reports go back to the parent

So a test can spoil nothing for the next, and module-scoped clusters work as they do on a real Ray.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from mobula import _pytest_child, _pytest_report, _sim_setup, _sim_watchdog
from mobula._forks import Ended, Forks
from mobula._pytest_report import Run
from mobula._sim_options import SimOptions

# Besides the watchdog: real time that one run may take.
_RUN_TIMEOUT_S = 600.0


class SimSession:
    """The plugin that runs tests in the simulator. One lives for a whole session."""

    def __init__(self, config: pytest.Config, options: argparse.Namespace) -> None:
        """Enters the virtual world, so that test files are imported in it."""
        self._config = config
        self._options = SimOptions(
            nodes=options.mobula_nodes,
            cpus=options.mobula_cpus,
            check_invariants=options.mobula_check_invariants,
            trace=options.mobula_trace,
            watchdog_s=options.mobula_watchdog,
        )
        self._seeds = range(options.mobula_seed, options.mobula_seed + options.mobula_seeds)
        self._jobs: int = options.mobula_jobs
        self._folder = _lock_folder()
        self._totals = _pytest_report.Totals()
        self._hub = _sim_setup.enter(self._options, _sim_watchdog.raise_deadlock)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Runs one test with every seed, up to the first that fails."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        try:
            run = self._run_seeds(item)
        except KeyboardInterrupt:
            self._children.kill_all()
            raise
        for report in self._reports_of(item, run):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_report_header(self) -> str:
        """Says where the tests run."""
        options, seeds = self._options, self._seeds
        of_seeds = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
        nodes = "one node" if options.nodes == 1 else f"{options.nodes} nodes"
        return f"mobula: simulated, {nodes} of {options.cpus:g} CPUs, {of_seeds}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Says what the session simulated."""
        if self._totals.runs:
            terminalreporter.write_line(f"mobula: {self._totals}")

    def pytest_unconfigure(self) -> None:
        """Gives the outside world back."""
        _sim_setup.leave()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run_seeds(self, item: pytest.Item) -> Run:
        """The run with the lowest seed that fails; if none does, that with the first seed."""
        self._children = Forks(self._jobs, _RUN_TIMEOUT_S)
        runs: dict[int, Run] = {}
        for seed in self._seeds:
            options = dataclasses.replace(self._options, seed=seed)
            self._start(item, options)
            self._note(item, self._children.take_ended(), runs)
            if any(run.failed for run in runs.values()):
                break
        self._note(item, self._children.wait(), runs)
        failed = [seed for seed, run in sorted(runs.items()) if run.failed]
        return runs[failed[0] if failed else self._seeds[0]]

    def _start(self, item: pytest.Item, options: SimOptions) -> None:
        folder = self._folder / _short_name(item.nodeid, options)
        self._children.start(
            options, lambda out, err: _pytest_child.run(item, self._hub, options, folder, err)
        )

    def _note(self, item: pytest.Item, ended: Iterator[Ended] | list[Ended], runs: Any) -> None:
        for one in ended:
            run = Run.of(one, item, self._config)
            runs[run.options.seed] = run
            self._totals.add(run)

    def _reports_of(self, item: pytest.Item, run: Run) -> list[pytest.TestReport]:
        if run.failed:
            run.explain(_pytest_report.replay_command(self._config, item, run))
        return run.reports


def _lock_folder() -> pathlib.Path:
    """Makes a folder for the tests' temporary files, with the same name in every session.

    Paths reach the simulated cluster in arguments and results: replaying takes equal paths. Only
    when several sessions run at once, the names differ in their last character.
    """
    root = pathlib.Path(tempfile.gettempdir(), f"mobula-sim-{os.getuid()}")
    root.mkdir(mode=0o700, exist_ok=True)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        lock = os.open(root / f"tests-{letter}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        folder = root / f"tests-{letter}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder
    raise RuntimeError(f"26 test sessions hold the folders in {root} already")


def _short_name(nodeid: str, options: SimOptions) -> str:
    """Names the folder of one run."""
    return f"{hashlib.blake2b(nodeid.encode(), digest_size=6).hexdigest()}-{options.seed}"
