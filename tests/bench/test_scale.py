# SPDX-License-Identifier: Apache-2.0
"""The rows of bench/scale in small: they run to their end, and say what they should."""

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "bench" / "scale" / "scale.py"


def run(output: pathlib.Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, "--output", output, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("scale")
    ran = run(folder, "--share", "0.01", "--rows", "task|objects|actors")
    assert ran.returncode == 0, ran.stderr
    return folder


def figures(output: pathlib.Path, row: str) -> dict[str, Any]:
    measured = json.loads((output / "scale.json").read_text())["figures"][row]
    return {figure["of"]: figure["figure"] for figure in measured}


def test_every_row_has_its_time_and_its_memory(output: pathlib.Path) -> None:
    rows = json.loads((output / "scale.json").read_text())["figures"]
    assert len(rows) == 6
    for row in rows:
        found = figures(output, row)
        assert 0 < found["time"] < 60
        # A Python process and a daemon at least.
        assert found["memory at the peak (PSS)"] > 20


def test_an_idle_actor_shares_its_pages(output: pathlib.Path) -> None:
    found = figures(output, "actors alive")
    assert 0 < found["private memory of an actor, most"] < 6


def test_a_queued_task_is_small(output: pathlib.Path) -> None:
    found = figures(output, "tasks queued at once")
    assert 0 < found["memory of the driver per task"] < 2_000


def test_the_table_says_what_was_measured(output: pathlib.Path) -> None:
    table = (output / "scale.md").read_text()
    assert "| actors alive | 20 |" in table
    assert "| tasks queued at once | 10,000 |" in table
    assert "- share of each row: 0.01" in table


def test_rows_that_there_are_not_are_named(tmp_path: pathlib.Path) -> None:
    ran = run(tmp_path, "--rows", "nonsense")
    assert ran.returncode == 2
    assert "no row matches 'nonsense'; there are: at rest, " in ran.stderr
