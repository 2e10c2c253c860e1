# SPDX-License-Identifier: Apache-2.0
"""Traces of simulated and real runs: what is read from them, and what is made of them."""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from mobula._trace import diff, perfetto, read
from mobula._trace.run import DAEMON

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"

PROGRAM = """
import time
import numpy as np
import ray

ray.init()

@ray.remote
def make(n):
    time.sleep(0.05)
    return np.full(200_000, n, dtype=np.uint8)

@ray.remote
def total(*parts):
    return sum(int(part.sum()) for part in parts)

@ray.remote
class Counter:
    def __init__(self):
        self.count = 0

    def add(self, n):
        self.count += n
        return self.count

counter = Counter.remote()
parts = [make.remote(n) for n in range(12)]
print(ray.get(counter.add.remote(total.remote(*parts))))
del parts
time.sleep(0.2)
"""


def mobula(*arguments, check=True, **environment):
    command = [sys.executable, "-m", "mobula", *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )
    assert not check or result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def trace(program):
    """A run in which a node dies with objects and running tasks."""
    path = program.with_name("run.jsonl")
    crash = ("--nodes", 3, "--cpus", 2, "--crash", "n2@0.08s")
    mobula("sim", program, *crash, "--trace", path, "--hashes", program.with_name("run.hashes"))
    return path


@pytest.fixture(scope="module")
def run(trace):
    return read.load(str(trace))


def test_lanes_are_nodes_with_their_processes(run):
    kinds = collections.Counter(lane.kind for lane in run.lanes)
    assert kinds[DAEMON] == 3 and kinds["driver"] == 1 and kinds["worker"] >= 3
    assert [lane.node for lane in run.lanes] == sorted(lane.node for lane in run.lanes)
    assert any(lane.actor == "Counter" for lane in run.lanes)
    crashed = next(lane for lane in run.lanes if lane.node == "n2" and lane.kind == DAEMON)
    assert crashed.lives[0].end_ns is not None


def test_every_receipt_of_a_message_has_its_send(run):
    received = [i for i, event in enumerate(run.events) if event.message]
    targets = {one.target for one in run.transmissions}
    assert received and targets >= set(received)
    for one in run.transmissions:
        if one.target is not None:
            sent = run.events[one.source].line["effects"][one.effect]
            assert sent.get("message", "") == run.events[one.target].message
            assert run.events[one.source].at_ns <= run.events[one.target].at_ns


def test_what_a_dead_node_was_sent_is_lost(run):
    lost = [one for one in run.transmissions if one.lost]
    assert lost and {run.lanes[one.lost_lane].node for one in lost} == {"n2"}
    unaccounted = [one for one in run.transmissions if one.target is None and not one.lost]
    assert all(run.events[one.source].at_ns > run.end_ns - 1_000_000 for one in unaccounted)


def test_executions_tell_attempts_and_losses(run):
    names = collections.Counter(one.name for one in run.executions)
    assert names["make"] >= 13 and names["total"] == 1
    lost = [one for one in run.executions if one.outcome == "lost"]
    again = [one for one in run.executions if one.attempt > 0]
    assert lost and again
    assert {one.task for one in lost} <= {one.task for one in again}
    for one in run.executions:
        assert one.end_ns is not None and one.start_ns <= one.end_ns


def test_marks_name_the_fault_its_consequences_and_nothing_twice(run):
    kinds = collections.Counter(mark.kind for mark in run.marks)
    assert kinds["fault"] == 1 and kinds["death"] == 1
    assert kinds["retry"] >= 1 and kinds["loss"] >= 1
    fault = next(mark for mark in run.marks if mark.kind == "fault")
    assert "n2 crashed" in fault.text
    assert [mark.at_ns for mark in run.marks] == sorted(mark.at_ns for mark in run.marks)


def test_perfetto_export_has_the_structure_of_the_format(run):
    events = perfetto.events_of(run)
    json.dumps(events)
    by_phase = collections.Counter(event["ph"] for event in events)
    assert set(by_phase) == {"M", "X", "s", "f", "i"}
    tracks = {(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    for event in events:
        if event["ph"] != "M":
            assert (event["pid"], event["tid"]) in tracks
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = [event for event in events if event["ph"] == "f"]
    assert len(starts) == by_phase["s"] == by_phase["f"]
    slices = {(e["pid"], e["tid"], e["ts"]) for e in events if e["ph"] == "X"}
    for end in ends:
        start = starts[end["id"]]
        assert start["name"] == end["name"] and start["ts"] <= end["ts"]
        # Viewers draw a flow between the slices that enclose its ends.
        assert {(e["pid"], e["tid"], e["ts"]) for e in (start, end)} <= slices
    nodes = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert nodes == ["n1", "n2", "n3"]
    tasks = [event for event in events if event.get("cat", "").startswith("task")]
    assert len(tasks) == len(run.executions)
    assert any(event["cat"] == "task,re-execution" for event in tasks)


def test_commands_write_the_page_and_the_export(trace, tmp_path):
    page, export = tmp_path / "run.html", tmp_path / "run.json"
    mobula("trace", "view", trace, "-o", page)
    mobula("trace", "perfetto", trace, "-o", export)
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.rstrip().endswith("</html>")
    # One file: nothing is fetched.
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:)|url\(|https?://|\bimport\s*\(", text)
    assert json.loads(export.read_text())["traceEvents"]


def test_sim_writes_a_page_without_leaving_a_trace(program, tmp_path):
    page = tmp_path / "run.html"
    mobula("sim", program, "--trace-html", page, TMPDIR=str(tmp_path))
    assert page.stat().st_size > 20_000
    assert not list(tmp_path.glob("mobula-trace*"))


def test_a_page_that_cannot_be_written_is_told_before_the_run(program):
    result = mobula("sim", program, "--trace-html", "/no/such/folder/run.html", check=False)
    assert result.returncode == 2
    assert "/no/such/folder/run.html" in result.stderr and result.stdout == ""


def test_what_is_no_trace_is_refused_with_file_and_line(tmp_path):
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("hello\n")
    result = mobula("trace", "view", wrong, "-o", tmp_path / "x.html", check=False)
    assert result.returncode == 2 and f"{wrong}:1" in result.stderr
    wrong.write_text('{"trace":1,"world":"simulation"}\n{"t":\n{}\n')
    result = mobula("trace", "perfetto", wrong, "-o", tmp_path / "x.json", check=False)
    assert result.returncode == 2 and f"{wrong}:2" in result.stderr


# ---- Differences


def test_a_trace_and_its_hashes_are_equal(trace):
    assert diff.find(str(trace), str(trace.with_name("run.hashes"))) is None


def test_diff_names_the_first_event_that_differs(program, trace, tmp_path):
    other = tmp_path / "other.jsonl"
    mobula("sim", program, "--nodes", 3, "--cpus", 2, "--crash", "n2@0.09s", "--trace", other)
    result = mobula("trace", "diff", trace, other, check=False)
    assert result.returncode == 1
    # The runs are the same until the earlier crash.
    at = re.search(r"differ from event (\d+) on", result.stdout)
    difference = diff.find(str(trace), str(other))
    assert difference is not None and difference.number == int(at[1])
    assert "n2 crashed" in difference.first.text and difference.first.time == "0.130000000"
    assert len(difference.before) == 5
    assert str(difference.before[-1]) in result.stdout
    same = mobula("trace", "diff", trace, trace)
    assert same.stdout == "the runs are equal\n"


def test_diff_knows_a_run_that_ends_early(trace, tmp_path):
    lines = trace.read_text().splitlines(keepends=True)
    short = tmp_path / "short.jsonl"
    short.write_text("".join(lines[: len(lines) // 2]))
    difference = diff.find(str(short), str(trace))
    assert difference is not None and difference.first is None
    assert "(the run has ended)" in diff.describe(difference, "short", "long")


# ---- Real runs


def test_a_real_run_gives_the_same_kind_of_page(program, tmp_path):
    folder = tmp_path / "trace"
    page = tmp_path / "run.html"
    result = mobula("run", "--trace-html", page, program, MOBULA_TRACE_DIR=str(folder))
    assert page.stat().st_size > 20_000
    run = read.load(str(folder))
    assert run.world == "cluster"
    assert [lane.kind for lane in run.lanes][:2] == [DAEMON, "driver"]
    assert {lane.node for lane in run.lanes} == {"n1"}
    assert collections.Counter(one.name for one in run.executions)["make"] == 12
    assert "13200000" in result.stdout.replace("_", "")
    # Every message between processes has found its send.
    received = [i for i, event in enumerate(run.events) if event.message]
    paired = {one.target for one in run.transmissions}
    missing = [run.events[i].message for i in received if i not in paired]
    assert len(missing) <= 0.01 * len(received), collections.Counter(missing)
    for one in run.transmissions:
        if one.target is not None:
            assert run.events[one.source].at_ns <= run.events[one.target].at_ns
