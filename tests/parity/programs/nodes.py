# SPDX-License-Identifier: Apache-2.0
"""What the programs of the parity suite share."""

import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def on(name):
    """Options that place a task or an actor on a node, or elsewhere when that is gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for node in ray.nodes():
            if node["Alive"] and node["NodeName"] == name:
                return {
                    "scheduling_strategy": NodeAffinitySchedulingStrategy(
                        node_id=node["NodeID"], soft=True
                    )
                }
        time.sleep(0.05)
    raise TimeoutError(f"{name} is not there")


def outcome(reference):
    """The value, or the name of the error's class."""
    try:
        return ray.get(reference, timeout=30)
    except Exception as error:
        return type(error).__name__
