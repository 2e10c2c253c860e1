# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests see of the inside: objects, where they are, and the key-value store."""

import copy
import os

import numpy as np
import pytest
import ray
from ray._private.worker import global_worker
from ray.experimental import get_object_locations
from ray.experimental.internal_kv import (
    _internal_kv_del,
    _internal_kv_exists,
    _internal_kv_get,
    _internal_kv_list,
    _internal_kv_put,
)

LARGE = 1_000_000


def local_count(reference):
    counts = global_worker.core_worker.get_all_reference_counts()
    return counts[reference.hex().encode()]["local"]


def exists(reference):
    return global_worker.core_worker.object_exists(reference)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_reference_counts(ray_start_regular, make):
    reference = ray.put(1)
    other = make(reference)
    assert other == reference
    assert ray.get(other) == 1
    if make is copy.copy:
        assert local_count(reference) == 2
        del reference
        assert local_count(other) == 1


def test_a_pickled_reference_counts(ray_start_regular):
    reference = ray.put("hello")
    pickled = ray.cloudpickle.dumps(reference)
    assert local_count(reference) == 2
    del reference
    assert ray.get(ray.cloudpickle.loads(pickled)) == "hello"


def test_an_object_exists_until_nobody_needs_it(ray_start_regular, wait_for):
    @ray.remote
    def large():
        return np.zeros(LARGE)

    small, stored, made = ray.put(1), ray.put(np.zeros(LARGE)), large.remote()
    assert exists(stored)
    assert exists(small)
    wait_for(lambda: exists(made))
    name = stored.binary()
    outer = ray.put([stored])
    del stored
    assert exists(ray.ObjectRef(name))
    del outer
    wait_for(lambda: not exists(ray.ObjectRef(name)))


def test_where_objects_are(ray_start_regular):
    reference = ray.put(np.zeros(LARGE))
    where = get_object_locations([reference])[reference]
    assert where["node_ids"] == [ray.get_runtime_context().get_node_id()]
    assert where["object_size"] > 8 * LARGE


def test_the_key_value_store(ray_start_regular):
    assert _internal_kv_get("key") is None
    assert _internal_kv_put("key", "first") is False
    assert _internal_kv_put(b"key", b"second", overwrite=False) is True
    assert _internal_kv_get("key") == b"first"
    assert _internal_kv_put("key", "apart", namespace="other") is False
    assert _internal_kv_list("ke") == [b"key"]
    assert _internal_kv_exists("key")
    _internal_kv_del("key")
    assert not _internal_kv_exists("key")
    assert _internal_kv_get("key", namespace="other") == b"apart"


def test_a_callback_gets_the_value_or_the_error(ray_start_regular, wait_for):
    @ray.remote
    def half(value):
        return 1 / value

    seen = []
    good, bad = half.remote(2), half.remote(0)
    good._on_completed(seen.append)
    bad._on_completed(seen.append)
    wait_for(lambda: len(seen) == 2)
    assert 0.5 in seen
    assert any(isinstance(one, ZeroDivisionError) for one in seen)


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_value_can_be_put_for_an_actor(ray_start_regular, wait_for, size):
    @ray.remote(num_cpus=0)
    class Owner:
        def pid(self):
            return os.getpid()

    owner = Owner.remote()
    ray.get(owner.pid.remote())
    reference = ray.put(np.ones(size), _owner=owner)
    assert ray.get(reference).sum() == size
    ray.kill(owner)

    def is_lost():
        try:
            ray.get(reference, timeout=1)
        except ray.exceptions.OwnerDiedError:
            return True
        return False

    if size == LARGE:
        wait_for(is_lost)


def test_modules_are_there_without_being_imported(ray_start_regular):
    assert ray.cloudpickle.loads(ray.cloudpickle.dumps(1)) == 1
    assert ray._private.worker.global_worker.mode == ray.SCRIPT_MODE
    assert ray.util.get_node_ip_address()
    assert ray.cluster_utils.cluster_not_supported is False


def test_the_constants_that_tests_import():
    constants = ray._private.ray_constants
    assert constants.DEFAULT_TASK_MAX_RETRIES == 3
    assert constants.REMOVED_NODE_ERROR == "node_removed"


def test_the_summary_counts_what_lies_in_stores(ray_start_regular, wait_for):
    summary = ray._private.internal_api.memory_summary
    reference = ray.put(np.zeros(LARGE))
    wait_for(lambda: "Plasma memory usage 7 MiB, 1 objects" in summary(stats_only=True))
    del reference
    wait_for(lambda: "Plasma memory usage 0 MiB" in summary(stats_only=True))


def test_a_cluster_of_another_version_is_refused(ray_start_cluster, monkeypatch):
    ray_start_cluster.add_node(num_cpus=1)
    with monkeypatch.context() as changed:
        changed.setattr(ray, "__version__", "another")
        with pytest.raises(RuntimeError, match="Version mismatch"):
            ray.init(address="auto")
    assert ray.init(address="auto")["node_id"]


def test_actors_are_listed_by_id(ray_start_regular, wait_for):
    @ray.remote
    class Actor:
        def pid(self):
            return os.getpid()

    actor = Actor.remote()
    pid = ray.get(actor.pid.remote())
    view = ray._private.state.actors(actor._actor_id.hex())
    assert (view["State"], view["Pid"], view["ActorClassName"]) == ("ALIVE", pid, "Actor")
    ray.kill(actor)
    wait_for(lambda: ray._private.state.actors(actor._actor_id.hex())["State"] == "DEAD")
