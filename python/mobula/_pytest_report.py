# SPDX-License-Identifier: Apache-2.0
"""What pytest's user is told of simulated tests: which seed failed, and how to see it again."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
from typing import Any

import pytest

from mobula._forks import Ended
from mobula._sim_options import SimOptions
from mobula._trace import page, read

_SECTION = "mobula: simulated"
# The attribute of a report that names the class of the exception.
ERROR = "mobula_error"


@dataclasses.dataclass
class Run:
    """One run of one test: what pytest reports of it, and what the simulator says."""

    options: SimOptions
    reports: list[pytest.TestReport]
    hash: str = ""
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    virtual_s: float = 0
    # What happened of the plan, each fault at its time: a plan, as JSON.
    faults: str = ""
    # What came out besides what pytest has captured.
    stdout: str = ""

    @property
    def failed(self) -> bool:
        """Whether any phase of the test failed."""
        return any(report.failed for report in self.reports)

    @property
    def failure(self) -> str:
        """The kind of the failure, for comparing two: the exception's type. Empty for none."""
        for report in self.reports:
            if report.failed:
                error = getattr(report, ERROR, None) or str(report.longrepr).partition("\n")[0]
                return f"{report.when}: {error}"
        return ""

    @classmethod
    def of(cls, ended: Ended, item: pytest.Item, config: pytest.Config) -> Run:
        """From what a child left behind."""
        assert isinstance(ended.key, SimOptions)
        if ended.value is None or not ended.value["reports"]:
            return cls(ended.key, [_report_of_death(ended, item)], stdout=ended.stdout)
        value = ended.value
        from_data = config.hook.pytest_report_from_serializable
        reports = [from_data(config=config, data=data) for data in value["reports"]]
        return cls(
            ended.key,
            reports,
            hash=value["hash"],
            report=value["report"],
            virtual_s=value["virtual_s"],
            faults=value["faults"],
            stdout=ended.stdout,
        )

    def explain(self, plan: str, replay: str, page: str) -> None:
        """Adds to the failure how it came about, under which plan, and how it is repeated."""
        failed = next(report for report in self.reports if report.failed)
        lines = [f"seed {self.options.seed}", *filter(None, [plan.rstrip()])]
        if self.hash:
            lines.append(f"trace hash {self.hash}")
        if self.report:
            lines.append(self.report["text"].rstrip())
        lines += ["replay:", f"  {replay}"]
        if page:
            lines += ["every event of it, as a page to look at:", f"  {page}"]
        failed.sections.append((_SECTION, "\n".join(lines)))


@dataclasses.dataclass
class Totals:
    """Of a whole session."""

    runs: int = 0
    events: int = 0
    virtual_s: float = 0

    def add(self, run: Run) -> None:
        """Counts one run."""
        self.runs += 1
        self.events += run.report.get("events", 0)
        self.virtual_s += run.virtual_s

    def __str__(self) -> str:
        """For people."""
        return f"{self.runs} simulations, {self.events} events, {self.virtual_s:.3f} s virtual time"


def save_plan(config: pytest.Config, item: pytest.Item, run: Run) -> str:
    """Writes the plan of a run to a file for its replay; returns the file's name."""
    file = _file_of(config, item, run, "textproto")
    (plan,) = run.options.faults
    plan.dump(file)
    return os.path.relpath(file, config.invocation_params.dir)


def save_page(config: pytest.Config, item: pytest.Item, run: Run) -> str:
    """Writes a run that was recorded as a page; returns the file's name."""
    file = _file_of(config, item, run, "html")
    page.write(
        read.load(run.options.trace), os.fspath(file), f"{item.name}, seed {run.options.seed}"
    )
    return os.path.relpath(file, config.invocation_params.dir)


def _file_of(config: pytest.Config, item: pytest.Item, run: Run, form: str) -> pathlib.Path:
    """Where something about a run is kept for the user."""
    folder = config.rootpath / ".mobula"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    name = re.sub(r"[^A-Za-z0-9]+", "-", item.nodeid).strip("-")
    return folder / f"{name}-seed{run.options.seed}.{form}"


def replay_command(config: pytest.Config, item: pytest.Item, run: Run, plan_file: str) -> str:
    """The command that repeats a run, event for event."""
    options = run.options
    words = ["pytest", "--mobula-sim", "--mobula-seed", str(options.seed)]
    words += ["--mobula-nodes", str(options.nodes), "--mobula-cpus", f"{options.cpus:g}"]
    if plan_file:
        words += ["--mobula-faults", plan_file]
    if options.check_invariants:
        words.append("--mobula-check-invariants")
    path, separator, name = item.nodeid.partition("::")
    path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    return shlex.join([*words, path + separator + name])


def _report_of_death(ended: Ended, item: pytest.Item) -> pytest.TestReport:
    """The failure of a test whose process ended under it."""
    if ended.timed_out:
        why = f"the run took longer than {ended.seconds:.0f} s of real time and was ended"
    elif ended.value is not None:
        why = f"the test ended its process with exit code {ended.value['exit_code']}"
    else:
        why = f"the simulation ended with exit code {ended.returncode}"
    return failure_of(item, "\n".join(filter(None, [why, ended.stderr.rstrip()])), ended.seconds)


def failure_of(item: pytest.Item, text: str, seconds: float = 0) -> pytest.TestReport:
    """The report of a failure that is no exception of the test."""
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="failed",
        longrepr=text,
        when="call",
        duration=seconds,
    )
