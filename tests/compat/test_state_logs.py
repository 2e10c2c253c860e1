# SPDX-License-Identifier: Apache-2.0
"""`list_logs` and `get_log`: files of nodes, which simulated ones have not."""

import os
import threading

import pytest
import ray
from ray.util.state import get_log, list_actors, list_logs


@ray.remote
class Speaker:
    def speak(self, text):
        print(text, flush=True)
        return os.getpid()


@pytest.fixture
def speaker(shutdown_only):
    ray.init(num_cpus=1, log_to_driver=False)
    return Speaker.remote()


def read(wait_for, wanted, **which):
    texts = []

    def is_there():
        texts[:] = get_log(**which)
        return wanted in "".join(texts)

    wait_for(is_there)
    return "".join(texts)


def test_the_log_of_an_actor_is_found_by_who_it_is(speaker, wait_for):
    pid = ray.get(speaker.speak.remote("first line"))
    (actor,) = list_actors()
    read(wait_for, "first line", actor_id=actor.actor_id)
    assert "first line" in read(wait_for, "first line", pid=pid)
    ray.get(speaker.speak.remote("second line"))
    assert read(wait_for, "second", pid=pid, tail=1).splitlines() == ["second line"]
    assert "".join(get_log(pid=pid, suffix="err")) == ""


def test_logs_are_listed_in_groups(speaker):
    ray.get(speaker.speak.remote("hello"))
    node = ray.get_runtime_context().get_node_id()
    groups = list_logs(node_id=node)
    assert groups["worker_out"] and groups["worker_err"] and "raylet" in groups
    assert list(list_logs(glob_filter="worker-*.out")) == ["worker_out"]
    text = "".join(get_log(filename=groups["worker_out"][0], node_id=node))
    assert isinstance(text, str)


def test_a_log_can_be_followed(speaker, wait_for):
    pid = ray.get(speaker.speak.remote("before"))
    read(wait_for, "before", pid=pid)
    seen = []
    followed = get_log(pid=pid, follow=True, _interval=0.05)

    def follow():
        for part in followed:
            seen.append(part)
            if "after" in part:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    ray.get(speaker.speak.remote("after"))
    thread.join(10)
    assert not thread.is_alive() and "before" in "".join(seen)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"pid": 1, "filename": "x"},
        {"pid": 1},
        {"actor_id": "00" * 16},
        {"filename": "x", "suffix": "log"},
        {"filename": "x", "node_ip": "192.0.2.7"},
    ],
)
def test_nonsense_is_refused(speaker, wrong):
    with pytest.raises(ValueError):
        list(get_log(**wrong))
