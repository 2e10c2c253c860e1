# SPDX-License-Identifier: Apache-2.0
"""Programs in the simulator, whole and while parts of the cluster die; and that a seed repeats."""

import pathlib

import pytest
from mobula import sim

PROGRAMS = pathlib.Path(__file__).parent / "sim_programs"
CLUSTER = {"nodes": 3, "cpus": 2, "check_invariants": True}


@pytest.mark.parametrize("program", ["tasks", "actors", "concurrency", "crash", "actor_restart"])
def test_program_is_right_without_faults(program):
    result = sim.run(PROGRAMS / f"{program}.py", **CLUSTER)
    assert result.output == "OK\n", result.report


@pytest.mark.parametrize("program", ["tasks", "actors", "concurrency"])
def test_one_node_is_enough(program):
    result = sim.run(PROGRAMS / f"{program}.py", nodes=1, cpus=4)
    assert result.output == "OK\n", result.report


@pytest.mark.parametrize("seed", range(4))
def test_answers_are_right_when_a_node_dies_with_work_and_results_on_it(seed):
    result = sim.run(PROGRAMS / "crash.py", seed=seed, crash=["n2@0.9s"], **CLUSTER)
    assert result.output == "OK\n", result.report
    assert "n2" in result.report


def test_answers_are_right_when_a_node_dies_and_comes_back_and_another_dies():
    faults = {"crash": ["n2@0.3s", "n3@1s"], "restart": ["n2@0.5s"]}
    result = sim.run(PROGRAMS / "crash.py", **faults, **CLUSTER)
    assert result.output == "OK\n", result.report


def test_answers_are_right_when_workers_die():
    workers = [f"n{node}@{at}s" for node, at in ((1, 0.15), (2, 0.6), (3, 1.2))]
    result = sim.run(PROGRAMS / "crash.py", crash_worker=workers, **CLUSTER)
    assert result.output == "OK\n", result.report


def test_a_seed_repeats_a_run_and_another_differs():
    results = [
        sim.run(PROGRAMS / "crash.py", seed=seed, crash=["n2@0.9s"], **CLUSTER)
        for seed in (7, 7, 8)
    ]
    first, again, other = results
    assert first == again
    assert first.hash and first.hash != other.hash


def test_a_function_can_be_the_program():
    def program():
        import ray

        @ray.remote
        def answer():
            return 42

        print(ray.get(answer.remote()))

    result = sim.run(program, nodes=2)
    assert (result.returncode, result.output) == (0, "42\n"), result.report


def test_the_trace_is_written_and_does_not_change_the_run(tmp_path):
    trace = tmp_path / "trace.jsonl"
    with_trace = sim.run(PROGRAMS / "tasks.py", trace=trace)
    assert with_trace.returncode == 0, with_trace.report
    lines = trace.read_text().splitlines()
    assert len(lines) > 100
    assert lines[-1].startswith("{") and lines[-1].endswith("}")
    assert with_trace == sim.run(PROGRAMS / "tasks.py")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_environments_are_made_while_nodes_and_workers_die(tmp_path, seed):
    result = sim.run(
        PROGRAMS / "environments_crash.py",
        [str(tmp_path)],
        nodes=3,
        cpus=2,
        seed=seed,
        crash=["n2@0.06s", "worker:n3@0.07s", "worker:n1@0.08s"],
    )
    assert result.returncode == 0, result.report
    assert result.output == "OK\n"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gpus_are_not_given_twice_while_nodes_and_workers_die(seed):
    crash = ["n2@0.12s", "worker:n3@0.15s", "worker:n1@0.2s"]
    result = sim.run(PROGRAMS / "gpus_crash.py", gpus=2, seed=seed, crash=crash, **CLUSTER)
    assert result.output == "OK\n", result.report
