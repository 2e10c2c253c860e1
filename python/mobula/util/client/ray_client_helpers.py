# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests import that run with and without its client."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType

import mobula

__all__ = ["connect_to_client_or_not"]


@contextlib.contextmanager
def connect_to_client_or_not(connect_to_client: bool) -> Iterator[ModuleType]:
    """The package itself. RuntimeError when it is to be a client."""
    if connect_to_client:
        raise RuntimeError("there is no Ray Client: drivers are processes of the cluster")
    yield mobula
