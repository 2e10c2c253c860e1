# SPDX-License-Identifier: Apache-2.0
# Goal: the time line shows when tasks waited and ran, in both worlds, however many there were.
import json
import os
import subprocess
import sys
import time

import mobula as ray
import pytest
from mobula import _time_line
from mobula.profiling import profile

PROGRAM = """
import json, sys, time
import mobula as ray
from mobula.profiling import profile

ray.init()

@ray.remote(num_cpus=2)
def nap(span):
    time.sleep(span)

@ray.remote
class Keeper:
    def keep(self):
        with profile("disk", {"name": "writing"}):
            time.sleep(0.25)

keeper = Keeper.options(max_concurrency=2).remote()
ray.get([nap.remote(0.5), nap.remote(0.25), *(keeper.keep.remote() for _ in range(2))])
print(json.dumps(ray.timeline()))
"""


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2)
    yield
    ray.shutdown()


def _spans(events, **wanted):
    return [
        event
        for event in events
        if event["ph"] == "X" and all(event[key] == value for key, value in wanted.items())
    ]


@pytest.mark.parametrize("world", ["run", "sim"])
def test_executions_have_their_place_and_time(world, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mobula", world, str(program)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout.splitlines()[0])
    naps = _spans(events, name="nap")
    assert sorted(event["dur"] for event in naps) == pytest.approx([250e3, 500e3], rel=0.3)
    assert {event["cat"] for event in naps} == {"task"}
    assert {event["args"]["outcome"] for event in naps} == {"finished"}
    calls = _spans(events, cat="actor call")
    # Two at a time are two tracks of one worker.
    assert len({event["tid"] for event in calls}) == 2
    marks = _spans(events, cat="disk")
    assert [event["name"] for event in marks] == ["writing"] * 2
    assert _spans(events, cat="actor creation")
    tracks = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event["ph"] == "M"
    }
    assert all(tracks[event["pid"], event["tid"]].startswith("worker") for event in naps)


@ray.remote
def nothing():
    pass


@ray.remote
def nap(until):
    while not until.exists():
        time.sleep(0.01)


def test_a_task_that_waits_at_its_worker_is_shown_as_queued(cluster):
    ray.get([nothing.remote() for _ in range(300)])
    events = ray.timeline()
    begins = [event for event in events if event["ph"] == "b"]
    ends = {event["id"]: event["ts"] for event in events if event["ph"] == "e"}
    queued = [event for event in begins if event["name"] == "nothing (queued)"]
    assert queued
    assert all(event["ts"] <= ends[event["id"]] for event in begins)


QUEUED = """
import json
import mobula as ray
ray.init()

@ray.remote
def nothing():
    pass

ray.get([nothing.remote() for _ in range(300)])
print(json.dumps(ray.timeline()))
"""


def test_the_simulator_shows_what_waits_at_its_worker_too(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(QUEUED)
    done = subprocess.run(
        [sys.executable, "-m", "mobula", "sim", str(program)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout.splitlines()[0])
    queued = {event["id"]: event["ts"] for event in events if event["ph"] == "b"}
    ends = {event["id"]: event["ts"] for event in events if event["ph"] == "e"}
    assert queued and queued.keys() == ends.keys()
    assert all(queued[one] < ends[one] for one in queued)
    starts = {
        f"{event['args']['task_id']}-{event['args']['attempt']}": event["ts"]
        for event in _spans(events, name="nothing")
    }
    assert all(starts[one] == ends[one] for one in queued)


def test_what_runs_is_shown_up_to_now(cluster, tmp_path):
    end = tmp_path / "end"
    reference = nap.remote(end)
    file = tmp_path / "line.json"
    while not _spans(ray.timeline(), name="nap"):
        time.sleep(0.01)
    assert ray.timeline(str(file)) is None
    (span,) = _spans(json.loads(file.read_text()), name="nap")
    assert span["args"]["outcome"] == "running"
    end.touch()
    ray.get(reference)
    (span,) = _spans(ray.timeline(), name="nap")
    assert span["args"]["outcome"] == "finished"
    now = time.time() * 1e6
    assert now - 60e6 < span["ts"] < now


def test_a_worker_that_was_killed_has_left_what_it_did(cluster):
    @ray.remote(max_retries=0)
    def die():
        os._exit(1)

    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(die.remote())
    # How it ended nobody knows.
    assert not _spans(ray.timeline(), name="die")


def test_memory_is_bounded(cluster):
    for _ in range(5):
        ray.get([nothing.remote() for _ in range(1000)])
    spans = _spans(ray.timeline(), name="nothing")
    assert 500 < len(spans) <= 1024 * 8


def test_a_driver_marks_its_own_spans(cluster):
    with pytest.raises(KeyError), profile("reading"):
        raise KeyError
    with profile("x" * 100):
        pass
    marks = _spans(ray.timeline(), cat="reading")
    assert [mark["name"] for mark in marks] == ["reading"]
    assert _spans(ray.timeline(), name="x" * 64)


def test_without_a_cluster_there_is_nothing_to_tell():
    program = "import mobula as ray; ray.timeline()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "Timeline requires Ray to be initialized first" in done.stderr


def test_overlapping_executions_are_on_levels_of_their_own():
    rows = [
        {"task": name, "started": started, "ended": ended}
        for name, started, ended in (("a", 0, 10), ("b", 5, 8), ("c", 8, None), ("d", 10, 12))
    ]
    levels = _time_line._levels(rows)
    assert [[row["task"] for row in level] for level in levels] == [["a", "d"], ["b", "c"]]
