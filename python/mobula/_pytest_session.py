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
import functools
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import pytest

from mobula import _pytest_child, _pytest_report, _sim_setup, _sim_watchdog
from mobula._forks import Ended, Forks
from mobula._pytest_report import Run
from mobula._shrink import Shrinker
from mobula._sim_options import SimOptions
from mobula.faults import Plan

_MARKER = "mobula_faults"
# Longer runs take seconds to write, and to look at.
_PAGE_EVENTS_MAX = 200_000
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
        self._shrink_runs: int = options.mobula_shrink_runs
        try:
            plan = _sim_setup.plan_of(
                dataclasses.replace(self._options, faults=options.mobula_faults)
            )
            self._options = dataclasses.replace(self._options, faults=(plan,) if plan else ())
            self._hub = _sim_setup.enter(self._options, _sim_watchdog.raise_deadlock)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Runs one test with every seed, up to the first that fails."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        try:
            reports = self._run(item)
        except KeyboardInterrupt:
            self._children.kill_all()
            raise
        for report in reports:
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

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Has reports tell the class of the exception, which their text does not always do."""
        report = yield
        if call.excinfo is not None:
            setattr(report, _pytest_report.ERROR, call.excinfo.typename)
        return report

    def _run(self, item: pytest.Item) -> list[pytest.TestReport]:
        """Runs a test with every seed; of a failure, finds a small plan and tells about it."""
        self._children = Forks(self._jobs, _RUN_TIMEOUT_S)
        try:
            options = self._options_for(item)
        except (OSError, TypeError, ValueError) as error:
            return [_pytest_report.failure_of(item, f"{_MARKER}: {error}")]
        every_run = self._run_all(
            item,
            (dataclasses.replace(options, seed=seed) for seed in self._seeds),
            until_failure=True,
        )
        failed = [run for run in every_run if run.failed]
        if not failed:
            return every_run[0].reports
        run, told, file = failed[0], "", ""
        if run.options.faults:
            run, told = self._shrink(item, run)
        if run.options.faults:
            file = _pytest_report.save_plan(self._config, item, run)
        replay = _pytest_report.replay_command(self._config, item, run, file)
        run.explain(told, replay, self._record(item, run))
        return run.reports

    def _record(self, item: pytest.Item, run: Run) -> str:
        """Runs it once more to write its page; returns the page's file, or why there is none."""
        if not run.hash or run.report["events"] > _PAGE_EVENTS_MAX:
            return ""
        options = dataclasses.replace(run.options, trace=os.fspath(self._folder / "run.jsonl"))
        (again,) = self._run_all(item, [options], until_failure=True)
        if again.hash != run.hash:
            return f"none: the same seed gave another run, with trace hash {again.hash or 'none'}"
        return _pytest_report.save_page(self._config, item, again)

    def _options_for(self, item: pytest.Item) -> SimOptions:
        """The session's, and what the test's marker says; of two plans, the command line's."""
        marker = item.get_closest_marker(_MARKER)
        if marker is None:
            return self._options
        plan, nodes = _marked(*marker.args, folder=item.path.parent, **marker.kwargs)
        options = dataclasses.replace(self._options, nodes=nodes or self._options.nodes)
        if not options.faults:
            options = dataclasses.replace(options, faults=(plan,))
        # So that a plan for nodes that are not there is told of once, and well.
        _sim_setup.make_world(options)
        return options

    def _run_all(
        self, item: pytest.Item, all_options: Iterable[SimOptions], *, until_failure: bool = False
    ) -> list[Run]:
        """Runs a test with each of the options, in their order in the result."""
        asked: list[SimOptions] = []
        runs: dict[SimOptions, Run] = {}

        def note(ended: Iterable[Ended]) -> None:
            for one in ended:
                run = Run.of(one, item, self._config)
                runs[run.options] = run
                self._totals.add(run)

        for number, options in enumerate(all_options):
            folder = self._folder / f"{_short_name(item.nodeid)}-{options.seed}"
            if not until_failure:
                # Runs with one seed, under several plans.
                folder = folder.with_name(f"{folder.name}-{number}")
            shutil.rmtree(folder, ignore_errors=True)
            asked.append(options)
            run = functools.partial(_pytest_child.run, item, self._hub, options, folder)
            self._children.start(options, run)
            note(self._children.take_ended())
            if until_failure and any(run.failed for run in runs.values()):
                break
        note(self._children.wait())
        return [runs[options] for options in asked]

    def _shrink(self, item: pytest.Item, run: Run) -> tuple[Run, str]:
        """The run of the smallest plan that makes the test fail alike, and what to tell of it."""
        (plan,) = run.options.faults
        best = {plan: run}

        def check(plans: Sequence[Plan]) -> list[bool]:
            options = [dataclasses.replace(run.options, faults=(one,)) for one in plans]
            runs = self._run_all(item, options)
            best.update(zip(plans, runs, strict=True))
            self._show_progress(item, shrinker.runs, plans[0])
            return [one.failure == run.failure for one in runs]

        shrinker = Shrinker(check, runs=self._shrink_runs, batch=self._jobs)
        smallest = plan
        if any(fault.is_random for fault in plan.faults) and run.faults:
            happened = Plan.parse(run.faults, form="json")
            if shrinker.try_first(happened):
                smallest = happened
        smallest = shrinker.shrink(smallest)
        self._show_progress(item, 0, smallest)
        if shrinker.runs:
            # Once more, with the folder that a replay has.
            options = dataclasses.replace(run.options, faults=(smallest,))
            (best[smallest],) = self._run_all(item, [options], until_failure=True)
        sizes = f"{len(plan)} to {len(smallest)} faults in {shrinker.runs} runs"
        told = f"plan (shrunk from {sizes}):" if shrinker.runs else "plan:"
        return best[smallest], f"{told}\n{smallest.to_text()}"

    def _show_progress(self, item: pytest.Item, runs: int, plan: Plan) -> None:
        """One line on the terminal, which goes away again."""
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or not reporter.isatty:
            return
        text = f"shrinking {item.name}: {runs} runs, now {len(plan)} faults" if runs else ""
        reporter.rewrite(text, erase=True)


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


def _short_name(nodeid: str) -> str:
    """Names a test in as many characters as any other."""
    return hashlib.blake2b(nodeid.encode(), digest_size=6).hexdigest()


def _marked(
    plan: Plan | str | os.PathLike[str], *, folder: pathlib.Path, nodes: int | None = None
) -> tuple[Plan, int | None]:
    """What a marker says: a plan, its text, or a file beside the test."""
    if isinstance(plan, Plan):
        return plan, nodes
    if isinstance(plan, str) and "{" in plan:
        return Plan.parse(plan), nodes
    return Plan.load(folder / plan), nodes
