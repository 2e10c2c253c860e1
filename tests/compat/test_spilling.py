# SPDX-License-Identifier: Apache-2.0
"""Objects for which the store has no room are spilled to disk, and read back when they are used."""

import json

import numpy as np
import pytest
import ray

# Ray wants at least 75 MB.
STORE = 80 << 20
PART = 8 << 20
COUNT = 3 * STORE // PART


def numbered(number):
    return np.full(PART, number, dtype=np.uint8)


def check(refs):
    for number, ref in enumerate(refs):
        array = ray.get(ref)
        assert array.nbytes == PART
        assert (array == number).all()
        del array


@pytest.fixture
def small_store(tmp_path):
    config = {"type": "filesystem", "params": {"directory_path": str(tmp_path)}}
    yield ray.init(
        num_cpus=2,
        object_store_memory=STORE,
        _system_config={
            "min_spilling_size": 2 * PART,
            "object_spilling_config": json.dumps(config),
        },
    )
    ray.shutdown()


def test_three_times_what_the_store_holds_can_be_put_and_read(small_store):
    refs = [ray.put(numbered(number)) for number in range(COUNT)]
    check(refs)
    check(refs)


def test_results_and_arguments_are_spilled(small_store):
    make = ray.remote(numbered)

    @ray.remote
    def first_of(array):
        return int(array[0])

    made = [make.remote(number) for number in range(COUNT)]
    assert ray.get([first_of.remote(ref) for ref in made]) == list(range(COUNT))
    check(made)


def test_what_is_in_use_stays_where_it_is(small_store):
    pinned = ray.get(ray.put(numbered(200)))
    refs = [ray.put(numbered(number)) for number in range(COUNT)]
    assert (pinned == 200).all()
    check(refs)


def test_what_is_freed_leaves_room_on_disk(small_store):
    for _ in range(3):
        refs = [ray.put(numbered(number)) for number in range(COUNT)]
        check(refs)
        del refs


def test_an_actor_keeps_more_than_memory_holds(small_store):
    @ray.remote
    class Keeper:
        def __init__(self):
            self.refs = []

        def add(self, number):
            self.refs.append(ray.put(numbered(number)))

        def sums(self):
            return [int(ray.get(ref)[0]) for ref in self.refs]

    keeper = Keeper.remote()
    for number in range(COUNT):
        ray.get(keeper.add.remote(number))
    assert ray.get(keeper.sums.remote()) == list(range(COUNT))


def test_another_node_reads_what_was_spilled(ray_start_cluster):
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=1, object_store_memory=STORE)
    cluster.add_node(num_cpus=1, object_store_memory=STORE, resources={"other": 1})
    ray.init(address=cluster.address)
    refs = [ray.put(numbered(number)) for number in range(COUNT)]

    @ray.remote(resources={"other": 1})
    def first_of(array):
        return int(array[0])

    assert ray.get([first_of.remote(ref) for ref in refs]) == list(range(COUNT))


def test_without_spilling_a_full_store_is_an_error(shutdown_only):
    ray.init(
        num_cpus=1,
        object_store_memory=STORE,
        _system_config={"automatic_object_spilling_enabled": False},
    )
    refs = []
    with pytest.raises(ray.exceptions.ObjectStoreFullError):
        refs.extend(ray.put(numbered(number)) for number in range(COUNT))
