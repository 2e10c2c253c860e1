# SPDX-License-Identifier: Apache-2.0
"""The comparison in small, without what must be installed: rows, and those that follow."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = ROOT / "bench" / "compare" / "compare.py"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("compare")
    command = [sys.executable, SCRIPT, "--quick", "--rows", "actor calls", "--output", folder]
    systems = ["--system", "multiprocessing", "--system", "bare echo"]
    subprocess.run([*command, *systems], check=True, capture_output=True, timeout=60)
    (text,) = (file.read_text() for file in folder.glob("*.md"))
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_rates_of_both_are_there(table: dict[str, list[str]]) -> None:
    for row in ("1:1 actor calls sync", "1:1 actor calls async"):
        unit, *rates = table[row][:3]
        assert unit == "/s"
        assert all(number(rate) > 100 for rate in rates)


def test_what_a_system_adds_to_a_call_is_the_difference_of_times(
    table: dict[str, list[str]],
) -> None:
    own, floor = (1e6 / number(cell) for cell in table["1:1 actor calls sync"][1:3])
    unit, added, *_ = table["added to a call: 1:1 actor calls sync"]
    assert unit == "us"
    # Three digits of each.
    assert number(added) == pytest.approx(own - floor, abs=0.02 * (own + floor))
