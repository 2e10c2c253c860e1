# SPDX-License-Identifier: Apache-2.0
"""Calls that wait for one another are reported to the driver, not left to hang in silence."""

import ray


@ray.remote(num_cpus=0)
class Node:
    def __init__(self):
        self.others = []

    def connect(self, *others):
        self.others = others

    def follow(self, steps):
        if steps == 0:
            return "end"
        return ray.get(self.others[0].follow.remote(steps - 1))


def test_actors_that_call_one_another_are_told_of(ray_start_regular, catch_streams, wait_for):
    warnings = catch_streams().stderr
    first, second = Node.remote(), Node.remote()
    ray.get([first.connect.remote(second), second.connect.remote(first)])
    # first -> second -> first, which is busy.
    stuck = first.follow.remote(5)
    wait_for(lambda: "Deadlock" in warnings.getvalue(), timeout=20)
    assert ray.wait([stuck], timeout=0)[0] == []
    text = warnings.getvalue()
    # The circle is told from the call whose actor looked first.
    circle = text.partition("go on: ")[2].partition(". ")[0].split(" -> ")
    assert sorted(circle) == ["Node.follow", "Node.follow", "Node.follow (behind Node.follow)"]
    assert "max_concurrency" in text
    assert text.count("Deadlock") == 1


def test_an_actor_that_waits_for_itself_is_told_of(ray_start_regular, catch_streams, wait_for):
    warnings = catch_streams().stderr
    actor = Node.remote()
    ray.get(actor.connect.remote(actor))
    actor.follow.remote(5)
    wait_for(lambda: "Deadlock" in warnings.getvalue(), timeout=20)


def test_tasks_that_wait_for_what_their_callers_hold_are_told_of(
    shutdown_only, catch_streams, wait_for
):
    warnings = catch_streams().stderr
    ray.init(num_cpus=2, resources={"lock": 1})

    @ray.remote(resources={"lock": 1})
    def outer():
        return ray.get(inner.remote())

    @ray.remote(resources={"lock": 1})
    def inner():
        return 1

    outer.remote()
    wait_for(lambda: "Deadlock" in warnings.getvalue(), timeout=20)
    text = warnings.getvalue()
    assert "inner waits for" in text and "lock" in text and "outer" in text
