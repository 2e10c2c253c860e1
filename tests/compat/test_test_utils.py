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
    run_string_as_driver,
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
