# SPDX-License-Identifier: Apache-2.0
"""Asyncio actors that leave while calls are under way."""

import asyncio

import pytest
import ray
from ray.exceptions import RayActorError

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


def test_leaving_does_not_wait_for_other_calls():
    @ray.remote
    class Restless:
        async def wait_forever(self):
            while True:
                await asyncio.sleep(5)

        async def leave(self):
            ray.actor.exit_actor()

        async def ping(self):
            return "pong"

    actor = Restless.options(max_task_retries=0).remote()
    assert ray.get(actor.ping.remote()) == "pong"
    waiting = actor.wait_forever.remote()
    with pytest.raises(RayActorError):
        ray.get(actor.leave.remote(), timeout=20)
    with pytest.raises(RayActorError):
        ray.get(waiting, timeout=20)
    with pytest.raises(RayActorError):
        ray.get(actor.ping.remote(), timeout=20)
