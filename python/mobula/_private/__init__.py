# SPDX-License-Identifier: Apache-2.0
"""Where Ray's own tests look for their helpers; nothing of mobula's inside is here."""

from __future__ import annotations

from mobula import _lazy

__all__: list[str] = []

__getattr__ = _lazy.attributes(
    __name__,
    {
        name: f"mobula._private.{name}"
        for name in (
            "gcs_pubsub",
            "gcs_utils",
            "internal_api",
            "ray_constants",
            "ray_option_utils",
            "services",
            "state",
            "state_api_test_utils",
            "test_utils",
            "utils",
            "worker",
        )
    },
)
