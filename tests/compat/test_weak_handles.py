# SPDX-License-Identifier: Apache-2.0
"""An actor lives as long as handles of those who made it or were given one of these.

Those that are looked up by name, or by the actor itself, keep nothing alive.
"""

import pytest
import ray
from ray.exceptions import ActorDiedError


@ray.remote
class Keeper:
    def __init__(self):
        self.kept = None

    def own_handle(self):
        self.kept = ray.get_runtime_context().current_actor
        return True

    def keep(self, handles):
        self.kept = handles[0]

    def call(self):
        return ray.get(self.kept.ping.remote())

    def ping(self):
        return "here"


def _is_gone(handle):
    try:
        ray.get(handle.ping.remote(), timeout=30)
    except ActorDiedError:
        return True
    return False


def test_a_handle_that_was_looked_up_keeps_no_actor(ray_start_4_cpus, wait_for):
    creator = Keeper.options(name="one").remote()
    found = ray.get_actor("one")
    assert found == creator and ray.get(found.ping.remote()) == "here"
    del creator
    wait_for(lambda: _is_gone(found))
    with pytest.raises(ValueError, match="one"):
        ray.get_actor("one")


def test_nor_does_one_that_get_if_exists_has_found(ray_start_4_cpus, wait_for):
    creator = Keeper.options(name="two", get_if_exists=True).remote()
    found = Keeper.options(name="two", get_if_exists=True).remote()
    assert found == creator
    del found
    assert ray.get(creator.ping.remote()) == "here"
    found = Keeper.options(name="two", get_if_exists=True).remote()
    del creator
    wait_for(lambda: _is_gone(found))


def test_looking_up_and_dropping_ends_no_actor(ray_start_4_cpus):
    creator = Keeper.options(name="three").remote()
    for _ in range(3):
        assert ray.get(ray.get_actor("three").ping.remote()) == "here"
    assert ray.get(creator.ping.remote()) == "here"


def test_nor_does_a_handle_of_its_own(ray_start_4_cpus, wait_for):
    actor = Keeper.options(name="four").remote()
    assert ray.get(actor.own_handle.remote())
    found = ray.get_actor("four")
    del actor
    wait_for(lambda: _is_gone(found))


def test_one_that_was_given_away_keeps_it(ray_start_4_cpus):
    keeper, kept = Keeper.remote(), Keeper.options(name="five").remote()
    ray.get(keeper.keep.remote([kept]))
    del kept
    for _ in range(3):
        assert ray.get(keeper.call.remote()) == "here"
    assert ray.get(ray.get_actor("five").ping.remote()) == "here"


def test_one_that_was_looked_up_and_given_away_does_not(ray_start_4_cpus, wait_for):
    keeper, kept = Keeper.remote(), Keeper.options(name="six").remote()
    found = ray.get_actor("six")
    ray.get(keeper.keep.remote([found]))
    assert ray.get(keeper.call.remote()) == "here"
    del kept
    wait_for(lambda: _is_gone(found))


def test_detached_actors_need_no_handle(ray_start_4_cpus):
    Keeper.options(name="seven", lifetime="detached").remote()
    for _ in range(3):
        assert ray.get(ray.get_actor("seven").ping.remote()) == "here"
    ray.kill(ray.get_actor("seven"))
