# SPDX-License-Identifier: Apache-2.0
"""Ray's system settings (``_system_config``): the few that mean something here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mobula import _logs

# Lineage reconstruction: how many bytes of lineage a process keeps, and whether any.
_LINEAGE_BYTES = "max_lineage_bytes"
_LINEAGE_SWITCHES = ("lineage_pinning_enabled", "object_reconstruction_enabled")
_KNOWN = {_LINEAGE_BYTES, *_LINEAGE_SWITCHES}

# Of the clusters that this program started, by address.
_of_clusters: dict[str, dict[str, Any]] = {}


def remember(address: str, settings: Mapping[str, Any] | None) -> None:
    """The cluster at this address was started with these settings."""
    _of_clusters[address] = dict(settings or {})


def warn_of_unknown(settings: Mapping[str, Any]) -> None:
    """Says which settings have no effect."""
    unknown = sorted(set(settings) - _KNOWN)
    if unknown:
        _logs.logger.warning(
            "_system_config: %s have no effect, they are settings of Ray's own parts",
            ", ".join(unknown),
        )


def lineage_bytes_max(settings: Mapping[str, Any] | None, address: str | None) -> int:
    """For a driver that connects to the address: 0 is the usual amount, -1 none at all.

    As in Ray, the environment variable ``RAY_<setting>`` stands for a setting that is not given.
    """
    known = {**_of_clusters.get(address or "", {}), **(settings or {})}
    if not all(
        _is_on(known.get(name, os.environ.get(f"RAY_{name}"))) for name in _LINEAGE_SWITCHES
    ):
        return -1
    limit = int(known.get(_LINEAGE_BYTES, os.environ.get(f"RAY_{_LINEAGE_BYTES}", 0)))
    if limit < 0:
        raise ValueError(f"{_LINEAGE_BYTES} takes a number of bytes, got {limit}")
    return limit


def _is_on(value: Any) -> bool:
    return value is None or str(value).lower() not in ("false", "0")
