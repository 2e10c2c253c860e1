# SPDX-License-Identifier: Apache-2.0
"""What pytest's user is told of simulated tests: which seed failed, and how to see it again."""

from __future__ import annotations

import dataclasses
import os
import shlex
from typing import Any

import pytest

from mobula._forks import Ended
from mobula._sim_options import SimOptions

_SECTION = "mobula: simulated"


@dataclasses.dataclass
class Run:
    """One run of one test: what pytest reports of it, and what the simulator says."""

    options: SimOptions
    reports: list[pytest.TestReport]
    hash: str = ""
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    virtual_s: float = 0
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
                return f"{report.when}: {_error_name(report)}"
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
            ended.key, reports, value["hash"], value["report"], value["virtual_s"], ended.stdout
        )

    def explain(self, replay: str) -> None:
        """Adds to the failure how it came about and how it is repeated."""
        failed = next(report for report in self.reports if report.failed)
        lines = [f"seed {self.options.seed}"]
        if self.hash:
            lines.append(f"trace hash {self.hash}")
        if self.report:
            lines.append(self.report["text"].rstrip())
        lines += ["replay:", f"  {replay}"]
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


def replay_command(config: pytest.Config, item: pytest.Item, run: Run) -> str:
    """The command that repeats a run, event for event."""
    options = run.options
    words = ["pytest", "--mobula-sim", "--mobula-seed", str(options.seed)]
    words += ["--mobula-nodes", str(options.nodes), "--mobula-cpus", f"{options.cpus:g}"]
    if options.check_invariants:
        words.append("--mobula-check-invariants")
    path, separator, name = item.nodeid.partition("::")
    path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    return shlex.join([*words, path + separator + name])


def _error_name(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return str(text).partition(":")[0].partition("\n")[0]


def _report_of_death(ended: Ended, item: pytest.Item) -> pytest.TestReport:
    """The failure of a test whose process ended under it."""
    if ended.timed_out:
        why = f"the run took longer than {ended.seconds:.0f} s of real time and was ended"
    elif ended.value is not None:
        why = f"the test ended its process with exit code {ended.value['exit_code']}"
    else:
        why = f"the simulation ended with exit code {ended.returncode}"
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="failed",
        longrepr="\n".join(filter(None, [why, ended.stderr.rstrip()])),
        when="call",
        duration=ended.seconds,
    )
