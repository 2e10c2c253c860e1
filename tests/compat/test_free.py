# SPDX-License-Identifier: Apache-2.0
"""ray.internal.free: older Rays only, so this file cannot be run against a new one."""

import numpy as np
import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def make(size):
    return np.ones(size)


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize("make_object", [lambda size: ray.put(np.ones(size)), make.remote])
def test_a_freed_object_is_an_error_everywhere(size, make_object):
    freed, kept = make_object(size), make_object(size)
    ray.wait([freed, kept], num_returns=2)
    ray.internal.free([freed])
    with pytest.raises(ray.exceptions.ObjectFreedError, match=freed.hex()):
        ray.get(freed)

    @ray.remote
    def size_of(array):
        return array.size

    with pytest.raises(ray.exceptions.ObjectFreedError):
        ray.get(size_of.remote(freed))

    @ray.remote
    def get(refs):
        return ray.get(refs[0]).size

    with pytest.raises(ray.exceptions.ObjectFreedError):
        ray.get(get.remote([freed]))
    assert ray.get(size_of.remote(kept)) == size


def test_room_is_there_again():
    size = int(ray.cluster_resources()["object_store_memory"] // 8 // 3)
    refs = []
    for _ in range(8):
        refs.append(ray.put(np.ones(size)))
        ray.internal.free(refs[-1])
    refs.append(ray.put(np.ones(size)))
    assert ray.get(refs[-1])[0] == 1


def test_only_the_owner_can_free():
    @ray.remote
    def free(refs):
        ray.internal.free(refs)

    with pytest.raises(ValueError, match="owns"):
        ray.get(free.remote([ray.put(1)]))
    with pytest.raises(TypeError):
        ray.internal.free([1])


def test_a_freed_object_is_made_again_for_a_task_that_needs_it(ray_start_cluster):
    ray.shutdown()  # The last test of the file has a cluster of its own.
    cluster = ray_start_cluster
    cluster.add_node(num_cpus=0)
    ray.init(address=cluster.address)
    node = cluster.add_node(num_cpus=1)
    freed = make.remote(1_000_000)
    wanted = ray.remote(lambda array: array + 1).remote(freed)
    ray.wait([wanted], fetch_local=False)
    ray.internal.free([freed])
    with pytest.raises(ray.exceptions.ObjectFreedError):
        ray.get(freed)
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=1)
    assert ray.get(wanted)[0] == 2
