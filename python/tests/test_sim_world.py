# SPDX-License-Identifier: Apache-2.0
"""What simulated programs see of the outside world: virtual time, seeded randomness, no network."""

import pathlib
import re

import pytest
from mobula import sim

PROGRAMS = pathlib.Path(__file__).parent / "sim_programs"


def test_clocks_threads_and_asyncio_follow_virtual_time():
    result = sim.run(PROGRAMS / "world.py", nodes=3, cpus=2)
    assert result.returncode == 0, result.report
    # The timer's thread is waited for, as by the interpreter.
    assert result.output.splitlines() == ["OK", "last 15.7"]


def test_eight_sleeping_tasks_take_as_long_as_the_longest():
    first, second = (sim.run(PROGRAMS / "retrieve.py") for _ in range(2))
    assert first.returncode == 0, first.report
    assert first.output == second.output
    took, *ready = first.output.splitlines()
    assert 0.7 <= float(took.split()[1]) <= 0.71
    assert [line.split()[1] for line in ready] == ["1", "3", "5", "7"]
    for line in ready:
        _, item, seconds = line.split()
        assert int(item) / 10 <= float(seconds) <= int(item) / 10 + 0.01


def test_tasks_cost_what_the_options_say():
    def program():
        import time

        import ray

        @ray.remote
        def dear():
            pass

        @ray.remote
        def cheap():
            pass

        for function in (dear, cheap):
            ray.get(function.remote())
            start = time.monotonic()
            ray.get(function.remote())
            print(round(time.monotonic() - start, 2))

    result = sim.run(program, cost=["dear=2s", "30ms"])
    assert result.output == "2.0\n0.03\n", result.report


def test_randomness_comes_from_the_seed_and_differs_between_processes():
    first, again, other = (sim.run(PROGRAMS / "randomness.py", seed=seed) for seed in (1, 1, 2))
    assert first.returncode == 0, first.report
    assert first.output == again.output
    assert not set(first.output.split()) & set(other.output.split())


def test_workers_have_globals_and_classes_of_their_own():
    result = sim.run(PROGRAMS / "isolation.py", cpus=4)
    assert result.output == "OK\n", result.report


def test_calls_that_leave_the_simulation_are_refused_by_name():
    result = sim.run(PROGRAMS / "refused.py")
    assert result.returncode == 0, result.report
    calls = [line.split(" reaches outside")[0] for line in result.output.splitlines()]
    assert calls == [
        "socket.socket()",
        "socket.socketpair()",
        "socket.create_connection()",
        "socket.socket()",
        "socket.create_connection()",
        "subprocess.Popen()",
        "subprocess.Popen()",
        "os.system('ls')",
        "os.popen()",
        "os.fork()",
        "os.execv()",
        "os.posix_spawn()",
        "os.fork()",
        "os.killpg()",
        "multiprocessing.Process.start()",
        "multiprocessing.Pool()",
        "multiprocessing.Process.start()",
        "concurrent.futures.ProcessPoolExecutor()",
        "signal.alarm()",
        "signal.setitimer()",
        "signal.signal(SIGALRM, ...)",
        "signal.pause()",
        "select.select() on files",
        "select.select() without end",
        "select.poll()",
        "asyncio's networking and pipes",
        "asyncio's networking and pipes",
        "urlopen('http://example.com/')",
    ]
    assert all("mobula run" in line for line in result.output.splitlines())


def test_a_program_that_never_waits_is_reported_with_its_stack():
    result = sim.run(PROGRAMS / "spin.py", watchdog=1, timeout=30)
    assert result.returncode == 1
    assert "without waiting once" in result.report
    assert "in wait_badly" in result.report
    assert "time.sleep()" in result.report


def test_a_program_that_waits_for_ever_is_told_for_what():
    result = sim.run(PROGRAMS / "stuck.py", timeout=60)
    assert result.returncode == 1
    assert "in wait_forever" in result.report
    assert re.search(r"huge", result.report)
    assert "CPU" in result.report


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [("well", 0, ""), ("code", 3, ""), ("text", 1, "that is all"), ("error", 1, "nothing found")],
)
def test_the_exit_code_is_the_programs(how, code, error):
    result = sim.run(PROGRAMS / "ending.py", [how])
    assert result.returncode == code, result.report
    assert error in result.report
    assert result.hash
    assert re.search(r"\(speak pid=\d+\) spoken by a worker", result.output)


def test_collective_operations_are_refused_by_name():
    def program():
        import sys
        import types

        import ray
        from ray.util import collective

        # The refusal comes before PyTorch is asked for anything.
        sys.modules["torch"] = sys.modules["torch.distributed"] = types.ModuleType("torch")
        ray.init()
        collective.init_collective_group(1, 0, "gloo")

    result = sim.run(program)
    assert result.returncode == 1
    assert "ray.util.collective reaches outside the simulation" in result.report


def test_runtime_environments_find_files_and_install_nothing(tmp_path):
    (tmp_path / "found_by_tasks.py").write_text("VALUE = 7\n")
    first, second = (
        sim.run(PROGRAMS / "environments.py", [str(tmp_path)], nodes=3, cpus=2) for _ in range(2)
    )
    assert first.returncode == 0, first.report
    assert first.output == "OK\n"
    assert first.hash == second.hash


def test_a_deadlock_is_told_once_and_alike_in_every_run():
    first, second = (sim.run(PROGRAMS / "deadlock.py", nodes=3, cpus=2, seed=5) for _ in range(2))
    assert first.returncode == 0, first.report
    assert first.report.count("Deadlock") == 1
    assert "Philosopher.eat -> Philosopher.pass_fork (behind Philosopher.eat) -> " in first.report
    assert (first.hash, first.report) == (second.hash, second.report)
    assert first.output == second.output
