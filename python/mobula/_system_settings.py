# SPDX-License-Identifier: Apache-2.0
"""Ray's system settings (``_system_config``): the few that mean something here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from mobula import _logs

# Lineage reconstruction: how many bytes of lineage a process keeps, and whether any.
_LINEAGE_BYTES = "max_lineage_bytes"
_LINEAGE_SWITCHES = ("lineage_pinning_enabled", "object_reconstruction_enabled")
# Spilling: whether, how much at a time, and where to.
_SPILLS = "automatic_object_spilling_enabled"
_SPILLING_SIZE = "min_spilling_size"
_SPILLING_PLACE = "object_spilling_config"
# The memory monitor: how much of the memory may be used, and how often it looks.
_MEMORY_SHARE = "memory_usage_threshold"
_MEMORY_PERIOD = "memory_monitor_refresh_ms"
_KNOWN = {
    *(_LINEAGE_BYTES, *_LINEAGE_SWITCHES),
    *(_SPILLS, _SPILLING_SIZE, _SPILLING_PLACE),
    *(_MEMORY_SHARE, _MEMORY_PERIOD),
}

# What each type of place calls it.
_PLACE_NAMES = {"filesystem": "directory_path", "smart_open": "uri"}
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


def spilling(settings: Mapping[str, Any] | None, directory: str | None) -> dict[str, Any]:
    """The fields of `NodeOptions` that say how a node spills; `directory` goes before settings.

    Raises:
        ValueError: A setting is not what it should be, or is for a place that cannot be.
    """
    known = settings or {}
    fields: dict[str, Any] = {}
    if not _is_on(known.get(_SPILLS, os.environ.get(f"RAY_{_SPILLS}"))):
        fields["spills"] = False
    size = known.get(_SPILLING_SIZE, os.environ.get(f"RAY_{_SPILLING_SIZE}"))
    if size is not None:
        fields[_SPILLING_SIZE] = int(size)
        if int(size) < 0:
            raise ValueError(f"{_SPILLING_SIZE} takes a number of bytes, got {size}")
    place = directory or _spilling_place(known.get(_SPILLING_PLACE))
    if place is not None:
        fields["object_spilling_directory"] = spilling_place(place)
    return fields


def spilling_place(place: str) -> str:
    """A folder, as any process finds it, or a URL.

    Raises:
        ValueError: Nothing can write to the URL.
    """
    if "://" not in place:
        return os.path.abspath(place)
    from mobula import _spill_helper

    _spill_helper.check(place)
    return place


def memory_monitor(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of `NodeOptions` that say when a worker is ended for want of memory.

    Raises:
        ValueError: A setting is not what it should be.
    """
    known = settings or {}
    fields: dict[str, Any] = {}
    for name, kind, most, expected in (
        (_MEMORY_SHARE, float, 1.0, "a share from 0 to 1"),
        (_MEMORY_PERIOD, int, 2**31, "a number of milliseconds, 0 for no monitor"),
    ):
        value = known.get(name)
        if value is None:
            continue
        try:
            fields[name] = kind(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} takes {expected}, got {value!r}") from error
        if not 0 <= fields[name] <= most:
            raise ValueError(f"{name} takes {expected}, got {value!r}")
    return fields


def _spilling_place(config: str | None) -> str | None:
    if not config:
        return None
    expected = (
        f"{_SPILLING_PLACE} takes JSON text such as "
        '{"type": "filesystem", "params": {"directory_path": "/tmp/spill"}} or '
        '{"type": "smart_open", "params": {"uri": "s3://bucket/folder"}}'
    )
    try:
        place = json.loads(config)
        kind, parameters = place["type"], place["params"]
        places = parameters[_PLACE_NAMES[kind]]
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{expected}, got {config!r}") from error
    if isinstance(places, list) and len(places) == 1:
        places = places[0]
    if not isinstance(places, str):
        raise ValueError(f"{expected}; a node spills to one place, got {places!r}")
    return places


def _is_on(value: Any) -> bool:
    return value is None or str(value).lower() not in ("false", "0")
