# SPDX-License-Identifier: Apache-2.0
"""`mobula run --nodes --faults`: the command around a program; tests/parity asks what plans do."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import mobula
import pytest

PACKAGE = str(pathlib.Path(mobula.__file__).parents[1])
PAUSE_ALL = 'fault { on { event: TASK_STARTED name: "nap" } pause_node { node: "all" } }'


@pytest.fixture
def command(tmp_path):
    """Starts `mobula run` with a program's text, a plan and options."""
    started = []

    def start(program, *options, plan=None):
        path = tmp_path / "program.py"
        path.write_text(program)
        if plan is not None:
            (tmp_path / "plan.textproto").write_text(plan)
            options = ("--faults", str(tmp_path / "plan.textproto"), *options)
        process = subprocess.Popen(
            [sys.executable, "-m", "mobula", "run", str(path), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": PACKAGE},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def _state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def _below(root):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry)] = _parent(entry)
    found = {root}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {root}


def _living(pids):
    alive = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if _state(pid) not in "ZX":
                alive.add(pid)
    return alive


NAPS = """
import time
import ray

ray.init()


@ray.remote
def nap():
    time.sleep(60)


ray.get([nap.remote() for _ in range(3)])
"""


def test_the_program_has_nodes_arguments_and_an_exit_code(command):
    program = """
import sys
import ray

ray.init(num_cpus=1)
print(sorted(node["NodeName"] for node in ray.nodes()), sys.argv[1:])
sys.exit(7)
"""
    process = command(program, "--nodes", "2", "--", "--nodes", "9")
    output, _ = process.communicate(timeout=150)
    assert output == "['n1', 'n2'] ['--nodes', '9']\n"
    assert process.returncode == 7


def test_options_of_a_program_are_its_own_without_a_cluster(command):
    process = command("import sys; print(sys.argv[1:])", "--seed", "3", "--help")
    assert process.communicate(timeout=150)[0] == "['--seed', '3', '--help']\n"


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ('fault {\n  at: "1s"\n  crash_node { node: "n7" }\n}', ":3: fault[0].crash_node.node: no"),
        ('fault { at: "1s" probability: -1 crash_node { node: "n2" } }', "-1 is no probability"),
        ("nonsense", "plan.textproto:1: "),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_starts(command, plan, complaint):
    process = command("print('it ran')", "--nodes", "2", plan=plan)
    output, errors = process.communicate(timeout=150)
    assert (process.returncode, output) == (2, "")
    assert complaint in errors


def test_a_program_under_a_plan_makes_no_nodes_of_its_own(command):
    program = "from ray.cluster_utils import Cluster; Cluster(initialize_head=True)"
    process = command(program, "--nodes", "2")
    assert "mobula run --nodes" in process.communicate(timeout=150)[1]
    assert process.returncode == 1


def test_nothing_is_left_when_the_controller_is_killed_while_all_stand_still(command, wait_for):
    process = command(NAPS, "--nodes", "2", plan=PAUSE_ALL)
    # The driver, two daemons, their zygotes, and workers.
    wait_for(
        lambda: sum(_state(pid) == "T" for pid in _living(_below(process.pid))) >= 6,
        "everything stands still",
        100,
    )
    below = _below(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not _living(below), "all have ended", 10)


def test_a_request_to_end_reaches_a_program_that_stands_still(command, wait_for):
    process = command(NAPS, "--nodes", "2", plan=PAUSE_ALL)
    wait_for(
        lambda: sum(_state(pid) == "T" for pid in _living(_below(process.pid))) >= 6,
        "everything stands still",
        100,
    )
    below = _below(process.pid)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 128 + signal.SIGTERM
    assert "n2 stands still" in errors
    wait_for(lambda: not _living(below), "all have ended", 10)
