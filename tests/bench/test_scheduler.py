# SPDX-License-Identifier: Apache-2.0
"""The scheduler's benchmark in small: rows, tables and charts come out, and come out again."""

import csv
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "bench" / "scheduler" / "measure.py"
POLICIES = {"hybrid", "spread", "random", "power_of_two", "central"}
WITH_LOCALITY = {"hybrid+locality", "power_of_two+locality", "central+locality"}

Rows = list[dict[str, str]]


def measure(output: pathlib.Path, *options: str) -> Rows:
    command = [sys.executable, SCRIPT, "--nodes", "10", "--seeds", "1", "--tasks-per-cpu", "2"]
    subprocess.run(
        [*command, "--no-decisions", "--output", output, *options], check=True, capture_output=True
    )
    return list(csv.DictReader((output / "scheduler.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("scheduler")


@pytest.fixture(scope="module")
def rows(output: pathlib.Path) -> Rows:
    return measure(output)


def test_every_workload_runs_under_every_policy(rows: Rows) -> None:
    policies: dict[str, set[str]] = {}
    for row in rows:
        policies.setdefault(row["workload"], set()).add(row["policy"])
    assert policies == {
        "batch": POLICIES,
        "arrivals": POLICIES,
        "tree": POLICIES,
        "data": POLICIES | WITH_LOCALITY,
    }


def test_every_policy_does_the_same_work(rows: Rows) -> None:
    for workload in ("batch", "arrivals", "tree", "data"):
        works = {
            round(float(row["utilisation"]) * float(row["makespan_s"]), 2)
            for row in rows
            if row["workload"] == workload
        }
        assert max(works) - min(works) < 0.02
        tasks = {row["tasks"] for row in rows if row["workload"] == workload}
        assert len(tasks) == 1


def test_figures_are_possible(rows: Rows) -> None:
    for row in rows:
        assert 0 < float(row["utilisation"]) <= 1
        waits = [float(row[f"wait_{share}_ms"]) for share in ("p50", "p90", "p99", "max")]
        assert waits == sorted(waits)
        # A task and its answer.
        assert float(row["messages_per_task"]) > 2
        assert int(row["leases"]) > 0
        assert (float(row["moved_mb"]) > 0) == (row["workload"] == "data")


def test_runs_are_deterministic(output: pathlib.Path, rows: Rows) -> None:
    again = measure(output, "--anew", "--workload", "tree")
    for before, after in zip(rows, again, strict=True):
        assert {**before, "cpu_s": ""} == {**after, "cpu_s": ""}


def test_tables_and_charts_are_written(output: pathlib.Path, rows: Rows) -> None:
    table = (output / "scheduler.md").read_text()
    for workload in ("batch", "arrivals", "tree", "data"):
        assert f"## {workload}" in table
        assert (output / f"scheduler-{workload}.png").stat().st_size > 10_000
    assert all(policy in table for policy in POLICIES | WITH_LOCALITY)
