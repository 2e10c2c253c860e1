# SPDX-License-Identifier: Apache-2.0
"""The helpers that Ray's own tests import."""

import os
import subprocess
import sys

import pytest
import ray
from ray._private.test_utils import (
    Semaphore,
    SignalActor,
    get_actor_node_id,
    run_string_as_driver,
    run_string_as_driver_stdout_stderr,
    same_elements,
    wait_for_assertion,
    wait_for_children_of_pid,
    wait_for_children_of_pid_to_exit,
    wait_for_condition,
    wait_for_pid_to_exit,
)

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


def test_tasks_wait_for_a_signal():
    signal = SignalActor.remote()

    @ray.remote
    def wait(signal):
        ray.get(signal.wait.remote())
        return "woken"

    waiting = [wait.remote(signal) for _ in range(2)]
    wait_for_condition(lambda: ray.get(signal.cur_num_waiters.remote()) == 2)
    assert ray.wait(waiting, timeout=0.1)[0] == []
    ray.get(signal.send.remote())
    assert ray.get(waiting) == ["woken", "woken"]


def test_a_semaphore_lets_one_in():
    semaphore = Semaphore.remote(value=1)
    ray.get(semaphore.acquire.remote())
    assert ray.get(semaphore.locked.remote())
    second = semaphore.acquire.remote()
    assert ray.wait([second], timeout=0.1)[0] == []
    ray.get(semaphore.release.remote())
    ray.get(second, timeout=10)


def test_a_condition_that_stays_false_is_an_error():
    with pytest.raises(RuntimeError):
        wait_for_condition(lambda: False, timeout=0.2)


def test_a_process_that_ended_is_noticed():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    wait_for_pid_to_exit(process.pid)
    assert process.wait() == 0


def test_a_program_can_run_as_another_driver():
    assert run_string_as_driver("import ray, os; print(os.getppid())").strip() == str(os.getpid())


def test_the_outputs_of_a_program_can_be_told_apart():
    program = "import ray, sys; print('out'); print('err', file=sys.stderr)"
    out, err = run_string_as_driver_stdout_stderr(program)
    assert out.splitlines() == ["out"]
    assert "err" in err.splitlines()


def test_an_assertion_is_tried_again_until_it_holds():
    seen = []

    def assert_three():
        seen.append(1)
        assert len(seen) == 3

    wait_for_assertion(assert_three)
    with pytest.raises(AssertionError):
        wait_for_assertion(assert_three, timeout=0.2)


def test_children_come_and_go():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as parent:
        wait_for_children_of_pid(parent.pid)
        with pytest.raises(TimeoutError):
            wait_for_children_of_pid_to_exit(parent.pid, timeout=0.1)
        parent.stdin.close()
        wait_for_children_of_pid_to_exit(parent.pid)


def test_an_actors_node_is_found():
    @ray.remote(num_cpus=0)
    class Somewhere:
        pass

    assert get_actor_node_id(Somewhere.remote()) == ray.get_runtime_context().get_node_id()


def test_elements_are_compared_without_an_order():
    assert same_elements([{1}, {2}], [{2}, {1}])
    assert not same_elements([{1}], [{2}, {1}])
