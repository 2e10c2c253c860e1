# SPDX-License-Identifier: Apache-2.0
"""The pytest fixtures that Ray's own tests take for granted, by Ray's names.

Name this module in ``pytest_plugins``, or import the fixtures in a ``conftest.py``. Each takes its
options from ``pytest.mark.parametrize(NAME, [{...}], indirect=True)``, as Ray's do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

import mobula
from mobula._private.gcs_pubsub import ErrorSubscriber, LogSubscriber
from mobula.cluster_utils import Cluster

_STORE_BYTES = 150 * 1024 * 1024


def _options(request: pytest.FixtureRequest, **defaults: Any) -> dict[str, Any]:
    """A fixture's own options, with what the test asks for."""
    common = {"num_cpus": 1, "object_store_memory": _STORE_BYTES}
    return {**common, **defaults, **(getattr(request, "param", None) or {})}


@contextlib.contextmanager
def _one_node(options: dict[str, Any]) -> Iterator[mobula.RayContext]:
    try:
        yield mobula.init(**{"namespace": "default_test_namespace", **options})
    finally:
        mobula.shutdown()


@contextlib.contextmanager
def _cluster(options: dict[str, Any]) -> Iterator[Cluster]:
    """``num_nodes`` nodes alike; with ``do_init`` this program is their driver."""
    count = options.pop("num_nodes")
    connect = options.pop("do_init")
    settings = options.pop("_system_config", None)
    namespace = options.pop("namespace", "default_test_namespace")
    cluster = Cluster()
    try:
        for index in range(count):
            cluster.add_node(_system_config=settings if index == 0 else None, **options)
        if connect:
            mobula.init(address=cluster.address, namespace=namespace)
        yield cluster
    finally:
        mobula.shutdown()
        cluster.shutdown()


@pytest.fixture
def shutdown_only() -> Iterator[None]:
    """Nothing is started; whatever the test starts is stopped."""
    yield None
    mobula.shutdown()


@pytest.fixture
def ray_start_regular(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node with one CPU."""
    with _one_node(_options(request)) as context:
        yield context


@pytest.fixture(scope="module")
def ray_start_regular_shared(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node with one CPU, for all tests of a file."""
    with _one_node(_options(request)) as context:
        yield context


@pytest.fixture
def ray_start_no_cpu(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node without CPUs."""
    with _one_node(_options(request, num_cpus=0)) as context:
        yield context


@pytest.fixture
def ray_start_2_cpus(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node with two CPUs."""
    with _one_node(_options(request, num_cpus=2)) as context:
        yield context


@pytest.fixture
def ray_start_10_cpus(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node with ten CPUs."""
    with _one_node(_options(request, num_cpus=10)) as context:
        yield context


@pytest.fixture(scope="module")
def ray_start_10_cpus_shared(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node with ten CPUs, for all tests of a file."""
    with _one_node(_options(request, num_cpus=10)) as context:
        yield context


@pytest.fixture
def ray_start_object_store_memory(request: pytest.FixtureRequest) -> Iterator[mobula.RayContext]:
    """One node whose store has as many bytes as the test's parameter says."""
    with _one_node({"num_cpus": 1, "object_store_memory": request.param}) as context:
        yield context


@pytest.fixture
def ray_start_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster to add nodes to: empty, or with ``num_nodes`` and this program as their driver."""
    param = getattr(request, "param", None) or {}
    count = param.get("num_nodes", 0)
    with _cluster(_options(request, num_nodes=count, do_init=count > 0)) as cluster:
        yield cluster


ray_start_cluster_enabled = ray_start_cluster


@pytest.fixture
def ray_start_cluster_init(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of one node, with this program as its driver."""
    with _cluster(_options(request, num_nodes=1, do_init=True)) as cluster:
        yield cluster


@pytest.fixture
def ray_start_cluster_head(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A head, with this program as its driver."""
    with _cluster(_options(request, num_nodes=1, do_init=True)) as cluster:
        yield cluster


@pytest.fixture
def ray_start_cluster_2_nodes(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Two nodes, with this program as a driver on the first."""
    with _cluster(_options(request, num_nodes=2, do_init=True)) as cluster:
        yield cluster


@pytest.fixture
def error_pubsub() -> Iterator[ErrorSubscriber]:
    """The errors that drivers are told of; the test asks for a cluster before."""
    with contextlib.closing(ErrorSubscriber()) as subscriber:
        yield subscriber


@pytest.fixture
def log_pubsub() -> Iterator[LogSubscriber]:
    """What workers write; the test asks for a cluster before."""
    with contextlib.closing(LogSubscriber()) as subscriber:
        yield subscriber


@pytest.fixture
def call_ray_start() -> Iterator[str]:
    """The address of a cluster of one node that is there without a driver."""
    with _cluster({"num_nodes": 1, "do_init": False}) as cluster:
        assert cluster.address is not None
        yield cluster.address
