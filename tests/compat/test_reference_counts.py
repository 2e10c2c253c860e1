# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests see of reference counts, from an object's birth to its end."""

import numpy as np
import pytest
import ray
from ray._private.internal_api import memory_summary
from ray._private.test_utils import SignalActor
from ray._private.worker import global_worker

LARGE = 1_000_000


def counts():
    """Local references and those of pending tasks, by object."""
    known = global_worker.core_worker.get_all_reference_counts()
    return {key.decode(): (value["local"], value["submitted"]) for key, value in known.items()}


@ray.remote
def use(value, signal, fail):
    ray.get(signal.wait.remote())
    if fail:
        raise ValueError("asked to")


@pytest.mark.parametrize("fail", [False, True])
@pytest.mark.parametrize("size", [1, LARGE])
def test_an_argument_counts_until_its_task_ends(ray_start_regular, wait_for, size, fail):
    signal = SignalActor.remote()
    argument = ray.put(np.zeros(size))
    result = use.remote(argument, signal, fail)
    assert counts()[argument.hex()] == (1, 1)
    assert counts()[result.hex()] == (1, 0)
    key = argument.hex()
    ray.get(signal.send.remote())
    wait_for(lambda: counts().get(key) == (1, 0))
    del argument, result
    wait_for(lambda: key not in counts())


def test_handles_of_actors_are_left_out(ray_start_regular):
    signal = SignalActor.remote()
    ray.get(signal.send.remote())
    assert counts() == {}


def test_the_summary_says_what_an_object_waits_for(ray_start_regular, wait_for):
    signal = SignalActor.remote()
    first = use.remote(None, signal, False)
    second = use.remote(first, signal, False)

    def line(ref):
        return next(line for line in memory_summary().splitlines() if ref.hex() in line)

    wait_for(lambda: "SUBMITTED_TO_WORKER" in line(first))
    assert "PENDING_ARGS_AVAIL" in line(second)
    ray.get(signal.send.remote())
    wait_for(lambda: "FINISHED" in line(second))
    assert "Attempt #1" in line(second)
