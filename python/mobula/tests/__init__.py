# SPDX-License-Identifier: Apache-2.0
"""The name under which Ray's own tests find their fixtures (`ray.tests.conftest`)."""
