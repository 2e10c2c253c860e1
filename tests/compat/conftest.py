# SPDX-License-Identifier: Apache-2.0
"""The alias and the fixtures that Ray's own tests use.

`COMPAT_AGAINST=ray pytest tests/compat` runs the same files on a real Ray, where one is installed.
"""

import io
import os
import sys
import time
import types

import pytest

if os.environ.get("COMPAT_AGAINST") != "ray":
    import mobula.alias

    mobula.alias.install()

import ray
from ray.cluster_utils import Cluster


@pytest.fixture
def shutdown_only():
    """Nothing is started; whatever the test starts is stopped."""
    yield None
    ray.shutdown()


@pytest.fixture
def ray_start_regular():
    """One node with one CPU, as Ray's fixture, which many tests take for granted."""
    yield ray.init(num_cpus=1)
    ray.shutdown()


@pytest.fixture(scope="module")
def ray_start_4_cpus():
    """One cluster for a whole file: most tests only need that there is one."""
    yield ray.init(num_cpus=4)
    ray.shutdown()


@pytest.fixture
def catch_streams(monkeypatch):
    """Catches what is written to `stdout` and `stderr` from the call on, by whichever thread.

    For looks again and again: one of `capsys` loses what another thread writes meanwhile.
    """

    def catch():
        streams = types.SimpleNamespace(stdout=io.StringIO(), stderr=io.StringIO())
        for name, stream in vars(streams).items():
            monkeypatch.setattr(sys, name, stream)
        return streams

    return catch


@pytest.fixture
def ray_start_cluster():
    """An empty `Cluster` to add nodes to."""
    cluster = Cluster()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def wait_for(condition, timeout=10):
    """Waits until `condition()` is true; fails naming it otherwise."""
    deadline = time.time() + timeout
    while time.time() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not true after {timeout} s: {condition}")


@pytest.fixture(name="wait_for")
def wait_for_fixture():
    return wait_for
