# SPDX-License-Identifier: Apache-2.0
"""`mobula sim explore`: a crash at every event of small programs, and what it says of them."""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

PROGRAM = pathlib.Path(__file__).parent / "sim_programs" / "explored.py"


def explore(which, *flags):
    command = [sys.executable, "-m", "mobula", "sim", "explore", PROGRAM, "--nodes", "3"]
    result = subprocess.run(
        [*map(str, [*command, "--cpus", "1", *flags]), "--", which],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    result.outcomes = {
        label: int(count)
        for label, count in re.findall(r"^(\w[\w :]*?) +(\d+) +[\d.]+ %", result.stdout, re.M)
    }
    return result


def test_a_program_that_may_be_executed_again_gives_its_answer_wherever_a_node_dies(tmp_path):
    heat_map = tmp_path / "map.html"
    result = explore("right", "--check-invariants", "--map", heat_map)
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(result.outcomes) <= {"same answer", "nothing there to crash"}
    assert result.outcomes["same answer"] > 50
    events, tried = map(
        int, re.search(r"at (\d+) of \1 events x 2 nodes: (\d+) ", result.stdout).groups()
    )
    assert tried == 2 * events
    assert "(100 %)" in result.stdout
    page = heat_map.read_text()
    (svg,) = re.findall(r"<svg.*</svg>", page, re.DOTALL)
    cells = xml.etree.ElementTree.fromstring(svg).iter("rect")
    assert sum(1 for _ in cells) == tried
    assert "src=" not in page and "href=" not in page


def test_a_wrong_answer_is_found_and_seen_again(tmp_path):
    result = explore("wrong", "--every", "2")
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.outcomes["wrong answer"] > 0
    assert re.search(r"printed '\d+' instead of '7'", result.stdout)
    assert re.search(r"with every=2, 50\.\d % of all", result.stdout)
    place = re.search(r"wrong answer at (\d+:n\d)", result.stdout)[1]
    trace = tmp_path / "trace.jsonl"
    again = explore("wrong", "--only", place, "--trace", trace)
    assert again.returncode == 1, again.stdout + again.stderr
    assert f"wrong answer at {place}" in again.stdout
    assert "crashed; lost with it" in trace.read_text()


def test_workers_die_instead_of_nodes():
    result = explore("right", "--workers", "--every", "4")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "worker crash at" in result.stdout
    assert "x 3 nodes" in result.stdout
    assert result.outcomes["same answer"] > 10


def test_documented_errors_are_named_and_are_no_failure():
    result = explore("unlucky")
    assert result.returncode == 0, result.stdout + result.stderr
    (error,) = (label for label in result.outcomes if label.startswith("documented error"))
    assert re.fullmatch(r"documented error: (NodeDied|WorkerCrashed)Error", error)


def test_a_program_that_does_not_end_is_a_hang():
    result = explore("patient", "--every", "5", "--limit", "100")
    assert result.returncode == 1, result.stdout + result.stderr
    assert result.outcomes["hang"] > 0
    assert "s of virtual time it still sleeps or runs" in result.stdout


def test_pairs_crash_a_second_node_at_every_later_event():
    result = explore("right", "--pairs", "--every", "30")
    assert result.returncode == 0, result.stdout + result.stderr
    assert int(re.search(r"and (\d+) pairs", result.stdout)[1]) >= 4


def test_a_program_that_fails_by_itself_is_refused():
    result = explore("broken")
    assert result.returncode == 1
    assert "fails without any fault" in result.stderr
    assert "LookupError" in result.stderr


@pytest.mark.parametrize("flags", [["--only", "x"], ["--every", "0"], ["--crash", "n9@1s"]])
def test_wrong_options_are_refused(flags):
    result = explore("right", *flags)
    assert result.returncode == 2
    assert flags[1].partition("@")[0] in result.stderr
