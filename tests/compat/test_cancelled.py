# SPDX-License-Identifier: Apache-2.0
"""Code that is told that it was cancelled, and may tidy up."""

import time

import pytest
import ray
from ray.util import queue


@pytest.fixture
def cluster():
    yield ray.init(num_cpus=2)
    ray.shutdown()


def is_canceled():
    return ray.get_runtime_context().is_canceled()


@ray.remote(max_retries=0)
def tidy_up(told):
    try:
        # Within the try: it may be cancelled before it hears that this came.
        told.put(("before", is_canceled()))
        while True:
            time.sleep(0.01)
    except KeyboardInterrupt:
        told.put(("after", is_canceled()))
        raise


@ray.remote(max_retries=0)
def ask():
    return is_canceled()


def test_a_task_that_caught_its_interrupt_knows_why(cluster):
    told = queue.Queue()
    ref = tidy_up.remote(told)
    assert told.get(timeout=10) == ("before", False)
    ray.cancel(ref)
    assert told.get(timeout=10) == ("after", True)
    with pytest.raises(ray.exceptions.TaskCancelledError):
        ray.get(ref, timeout=10)
    # What runs in that process next was not cancelled.
    assert ray.get([ask.remote() for _ in range(4)]) == [False] * 4


def test_only_tasks_can_ask(cluster):
    with pytest.raises(RuntimeError, match="only tasks are cancelled"):
        is_canceled()


def test_calls_of_an_asyncio_actor_are_cancelled_otherwise(cluster):
    @ray.remote
    class Asynchronous:
        async def ask(self):
            return is_canceled()

    with pytest.raises(RuntimeError, match="catch CancelledError"):
        ray.get(Asynchronous.remote().ask.remote())
