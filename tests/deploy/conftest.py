# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

# The hosts of tests/cluster.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "cluster"))

import namespaced_hosts as hosts
import pytest


@pytest.fixture(scope="session")
def kernel():
    """Skips where there can be no hosts."""
    if reason := hosts.unavailable():
        pytest.skip(reason)
