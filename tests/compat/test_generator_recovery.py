# SPDX-License-Identifier: Apache-2.0
"""Generators whose nodes and owners are lost: what is made again, and which error comes then."""

import gc
import os
import time

import numpy as np
import pytest
import ray
from ray.exceptions import ObjectReconstructionFailedError, OwnerDiedError

LARGE = 300_000
AGAINST_RAY = os.environ.get("COMPAT_AGAINST") == "ray"


@ray.remote(max_retries=-1)
def count(number, size=LARGE, pause=0.0):
    for index in range(number):
        time.sleep(pause)
        yield np.full(size, index)


@ray.remote(max_retries=-1)
def count_file(path):
    """Makes as many items as the file has bytes at the time."""
    with open(path) as file:
        number = len(file.read())
    for index in range(number):
        yield np.full(LARGE, index)


def first_of(reference):
    return int(ray.get(reference)[0])


@pytest.fixture
def head(ray_start_cluster):
    """A head without CPUs, with this program as its driver."""
    ray_start_cluster.add_node(num_cpus=0)
    ray.init(address=ray_start_cluster.address)
    return ray_start_cluster


def lose(cluster, node):
    """The node goes, and another comes."""
    cluster.remove_node(node, allow_graceful=False)
    cluster.add_node(num_cpus=1)


@pytest.mark.parametrize("limit", [-1, 2])
def test_a_stream_goes_on_when_its_node_is_lost(head, limit):
    node = head.add_node(num_cpus=1)
    options = {"_generator_backpressure_num_objects": limit}
    generator = count.options(**options).remote(6, LARGE, 0.1)
    values = [first_of(next(generator)) for _ in range(2)]
    lose(head, node)
    values += [first_of(reference) for reference in generator]
    assert values == list(range(6))


@pytest.mark.parametrize("keeps_generator", [True, False])
def test_lost_items_are_made_again(head, keeps_generator):
    node = head.add_node(num_cpus=1)
    generator = count.remote(5)
    references = list(generator)
    ray.get(generator.completed())
    if not keeps_generator:
        del generator
        gc.collect()
    lose(head, node)
    assert [first_of(reference) for reference in (references[3], references[1])] == [3, 1]


@pytest.mark.filterwarnings("ignore:num_returns='dynamic':DeprecationWarning")
def test_items_that_came_all_at_once_are_made_again(head):
    node = head.add_node(num_cpus=1)
    gathered = count.options(num_returns="dynamic").remote(3)
    references = list(ray.get(gathered))
    lose(head, node)
    assert [first_of(reference) for reference in references] == [0, 1, 2]
    assert [first_of(reference) for reference in ray.get(gathered)] == [0, 1, 2]


@pytest.mark.skipif(AGAINST_RAY, reason="mobula promises more")
def test_an_item_that_is_not_made_again_is_an_error(head, tmp_path):
    path = tmp_path / "items"
    path.write_text("xxx")
    node = head.add_node(num_cpus=1)
    references = list(count_file.remote(str(path)))
    path.write_text("x")
    lose(head, node)
    assert first_of(references[0]) == 0
    with pytest.raises(ObjectReconstructionFailedError, match=r"Item 3 .* was lost"):
        ray.get(references[2])


def test_items_end_with_the_process_that_called_the_generator(head):
    head.add_node(num_cpus=2)

    @ray.remote(num_cpus=0)
    class Caller:
        def call(self):
            self.generator = count.remote(100, 10, 0.05)
            return [next(self.generator), next(self.generator)]

    caller = Caller.remote()
    first, second = ray.get(caller.call.remote())
    assert first_of(first) == 0
    ray.kill(caller)
    with pytest.raises(OwnerDiedError):
        ray.get(second)
