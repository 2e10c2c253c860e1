# SPDX-License-Identifier: Apache-2.0
"""For ``from ray.tests.conftest import *``, as Ray's own tests have it."""

from mobula._ray_fixtures import *  # noqa: F403
