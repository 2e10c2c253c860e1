# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import pytest

# The tests here share it.
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import namespaced_hosts as hosts


@pytest.fixture(scope="session")
def kernel():
    """Skips where there can be no hosts."""
    if reason := hosts.unavailable():
        pytest.skip(reason)


@pytest.fixture
def three_hosts(kernel, tmp_path):
    with hosts.Hosts(3, tmp_path) as made:
        yield made


@pytest.fixture
def two_hosts(kernel, tmp_path):
    with hosts.Hosts(2, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def cluster(kernel, tmp_path_factory):
    """Three hosts in one cluster, for tests that leave it as it is."""
    with hosts.Hosts(3, tmp_path_factory.mktemp("cluster")) as made:
        head, *others = made
        head.start_head('--resources={"h1": 1}')
        for number, host in enumerate(others, 2):
            host.join(head, f'--resources={{"h{number}": 1}}')
        yield made
