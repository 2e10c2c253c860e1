# SPDX-License-Identifier: Apache-2.0
# Goal: lines that many workers write alike do not flood the driver, and none is lost unsaid.
import subprocess
import sys

import pytest
from mobula._log_repeats import Options, Repeats


def _batch(pid, *lines, node=""):
    return {"lines": list(lines), "pid": pid, "name": "f", "node_name": node, "is_error": False}


def _lines(batches):
    return [(batch["pid"], line) for batch in batches for line in batch["lines"]]


def test_what_other_processes_repeat_is_counted():
    repeats = Repeats(Options())
    assert _lines(repeats.filter(_batch(1, "step 1 of 0x7f"), 0)) == [(1, "step 1 of 0x7f")]
    assert _lines(repeats.filter(_batch(2, "step 2 of 0x80"), 1)) == []
    assert _lines(repeats.filter(_batch(1, "step 3 of 0x81", "other"), 2)) == [(1, "other")]
    assert repeats.holds()
    assert repeats.due(4.9) == []
    ((pid, line),) = _lines(repeats.due(5))
    assert pid == 1
    assert line.startswith("step 3 of 0x81 [repeated 2x across cluster] (")
    # Explained once, and gathered on.
    assert repeats.filter(_batch(3, "step 4 of 0x82", "step 5 of 0x83"), 6) == []
    assert _lines(repeats.due(10)) == [(3, "step 5 of 0x83 [repeated 2x across cluster]")]
    assert not repeats.holds()


def test_a_line_that_came_twice_only_is_shown_as_it_is():
    repeats = Repeats(Options())
    repeats.filter(_batch(1, "a"), 0)
    repeats.filter(_batch(2, "a"), 0)
    assert _lines(repeats.due(6)) == [(2, "a")]
    assert _lines(repeats.filter(_batch(3, "a"), 7)) == [(3, "a")]


def test_what_one_process_writes_is_never_held_back():
    repeats = Repeats(Options())
    lines = ["tick 1", "tick 2", "", "17", "17"]
    assert _lines(repeats.filter(_batch(1, *lines), 0)) == [(1, line) for line in lines]
    assert not repeats.holds()
    # The same process id on another node is another process.
    assert repeats.filter(_batch(1, "tick 3", node="n2"), 0) == []


def test_the_end_shows_what_is_held_back():
    repeats = Repeats(Options())
    repeats.filter(_batch(1, "a"), 0)
    repeats.filter(_batch(2, "a"), 0)
    assert _lines(repeats.all()) == [(2, "a")]
    assert repeats.all() == []


def test_patterns_decide_before_anything_else():
    options = Options.of(
        {"RAY_DEDUP_LOGS_ALLOW_REGEX": "loss", "RAY_DEDUP_LOGS_SKIP_REGEX": "^debug"}
    )
    repeats = Repeats(options)
    for pid in (1, 2):
        shown = _lines(repeats.filter(_batch(pid, "loss 1", "debug 2"), 0))
        assert shown == [(pid, "loss 1")]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("RAY_DEDUP_LOGS_AGG_WINDOW_S", "soon", "a positive number of seconds, got 'soon'"),
        ("RAY_DEDUP_LOGS_AGG_WINDOW_S", "-1", "a positive number of seconds, got '-1'"),
        ("RAY_DEDUP_LOGS_ALLOW_REGEX", "(", r"RAY_DEDUP_LOGS_ALLOW_REGEX must be a regular"),
        ("RAY_DEDUP_LOGS_SKIP_REGEX", "(", r"RAY_DEDUP_LOGS_SKIP_REGEX must be a regular"),
    ],
)
def test_bad_variables_are_named(name, value, text):
    with pytest.raises(ValueError, match=text):
        Options.of({name: value})


PROGRAM = """
import time
import mobula as ray
ray.init(num_cpus=4)

@ray.remote
def say(number):
    print("hello from", number)
    time.sleep(0.3)

ray.get([say.remote(i) for i in range(4)])
ray.get([say.remote(i) for i in range(4)])
"""


@pytest.mark.parametrize("variable", ["1", "0"])
def test_a_driver_shows_repeated_lines_once(variable, monkeypatch):
    monkeypatch.setenv("RAY_DEDUP_LOGS", variable)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "hello from" in line]
    if variable == "0":
        assert len(lines) == 8
    else:
        assert len(lines) < 8
        shown = sum("repeated" not in line for line in lines)
        (repeated,) = (line for line in lines if "repeated" in line)
        assert f"[repeated {8 - shown}x across cluster]" in repeated
