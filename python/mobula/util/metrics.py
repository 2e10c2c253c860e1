# SPDX-License-Identifier: Apache-2.0
"""Metrics of a program, which Prometheus finds at each node's metrics port.

They bear the names that they have under Ray: ``ray_<name>``, and ``ray_<name>_total`` for a
counter. Each process that records has samples of its own, told apart by the label ``WorkerId``;
they go when it ends. In the simulator, where nobody scrapes, what is recorded is only checked.
"""

from __future__ import annotations

import bisect
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from mobula._metrics_page import COUNTER, GAUGE, HISTOGRAM, MetricsPage
from mobula._runtime import current_or_none

__all__ = ["Counter", "Gauge", "Histogram"]

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9_]")


class Metric:
    """What the three kinds have in common."""

    def __init__(
        self, name: str, description: str = "", tag_keys: tuple[str, ...] | None = None
    ) -> None:
        """``tag_keys`` are the names of the tags that each record has."""
        if not name:
            raise ValueError("Empty name is not allowed. Please provide a metric name.")
        self._is_discarded = not _NAME.fullmatch(name)
        if self._is_discarded:
            warnings.warn(
                f"Invalid metric name: {name}. Metric will be discarded and data will not be "
                f"collected or published. Metric names can only contain letters, numbers, _, and "
                f":. Metric names cannot start with numbers.",
                UserWarning,
                stacklevel=3,
            )
        tag_keys = tag_keys or ()
        if not isinstance(tag_keys, tuple):
            raise TypeError(f"tag_keys should be a tuple type, got: {type(tag_keys)}")
        for key in tag_keys:
            if not isinstance(key, str):
                raise TypeError(f"Tag keys must be str, got {type(key)}.")
        self._name = name
        self._description = description
        self._tag_keys = tag_keys
        self._default_tags: dict[str, str] = {}
        # Where the samples of each combination of tag values are on the page.
        self._page: MetricsPage | None = None
        self._places: dict[tuple[str, ...], list[int]] = {}

    def set_default_tags(self, default_tags: dict[str, str]) -> Any:
        """Values of tags for records that do not give them; returns this metric.

        >>> from mobula.util.metrics import Counter
        >>> Counter("calls", tag_keys=("kind",)).set_default_tags({"kind": "a"}).info
        {'name': 'calls', 'description': '', 'tag_keys': ('kind',), 'default_tags': {'kind': 'a'}}
        """
        for key, value in default_tags.items():
            if key not in self._tag_keys:
                raise ValueError(f"Unrecognized tag key {key}.")
            _check_tag_value(value)
        self._default_tags = default_tags
        return self

    @property
    def info(self) -> dict[str, Any]:
        """What the metric was made with."""
        return {
            "name": self._name,
            "description": self._description,
            "tag_keys": self._tag_keys,
            "default_tags": self._default_tags,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process makes its own, with the same default tags."""
        return type(self), self._arguments(), {"_default_tags": self._default_tags}

    def _arguments(self) -> tuple[Any, ...]:
        return self._name, self._description, self._tag_keys

    def _values_of(self, tags: dict[str, str] | None) -> tuple[str, ...]:
        """Of the tags, in the order of their keys."""
        for value in (tags or {}).values():
            _check_tag_value(value)
        given = {**self._default_tags, **(tags or {})}
        if missing := [key for key in self._tag_keys if key not in given]:
            raise ValueError(f"Missing value for tag key(s): {','.join(missing)}.")
        return tuple(given[key] for key in self._tag_keys)

    def _places_of(self, tags: dict[str, str] | None) -> tuple[MetricsPage | None, list[int]]:
        """The page of this process, and the places of the metric's samples for these tags."""
        values = self._values_of(tags)
        if self._is_discarded:
            return None, []
        page = _page()
        if page is None:
            return None, []
        if page is not self._page:
            # The program has joined another cluster meanwhile.
            self._page, self._places = page, {}
        places = self._places.get(values)
        if places is None:
            places = self._places[values] = self._make_samples(page, self._labels(values))
        return page, places

    def _labels(self, values: tuple[str, ...]) -> str:
        return ",".join(
            f'{_NO_LABEL.sub("_", key)}="{_escaped(value)}"'
            for key, value in zip(self._tag_keys, values, strict=True)
        )

    def _make_samples(self, page: MetricsPage, labels: str) -> list[int]:
        raise NotImplementedError


class Counter(Metric):
    """What only grows."""

    def inc(self, value: float = 1.0, tags: dict[str, str] | None = None) -> None:
        """Adds a positive number."""
        _check_number(value)
        if value <= 0:
            raise ValueError(f"value must be >0, got {value}")
        page, places = self._places_of(tags)
        if page is not None:
            page.add(places[0], value)

    def _make_samples(self, page: MetricsPage, labels: str) -> list[int]:
        name = f"ray_{self._name.removesuffix('_total')}_total"
        return [page.place(COUNTER, name, self._description, name, labels)]


class Gauge(Metric):
    """What has a value now."""

    def set(self, value: float | None, tags: dict[str, str] | None = None) -> None:
        """Gives it another value; None changes nothing."""
        if value is None:
            return
        _check_number(value)
        page, places = self._places_of(tags)
        if page is not None:
            page.set(places[0], value)

    def _make_samples(self, page: MetricsPage, labels: str) -> list[int]:
        name = f"ray_{self._name}"
        return [page.place(GAUGE, name, self._description, name, labels)]


class Histogram(Metric):
    """How values are distributed: how many are at most as large as each boundary."""

    def __init__(
        self,
        name: str,
        description: str = "",
        boundaries: Sequence[float] | None = None,
        tag_keys: tuple[str, ...] | None = None,
    ) -> None:
        """``boundaries`` are positive."""
        super().__init__(name, description, tag_keys)
        if not boundaries:
            raise ValueError(
                "boundaries argument should be provided when using the Histogram class. "
                'e.g., Histogram("name", boundaries=[1.0, 2.0])'
            )
        for index, boundary in enumerate(boundaries):
            if boundary <= 0:
                raise ValueError(
                    f"Invalid `boundaries` argument at index {index}, {boundaries}. "
                    f"Use positive values for the arguments."
                )
        self.boundaries = boundaries
        self._ends = sorted(set(map(float, boundaries)))

    def observe(self, value: float, tags: dict[str, str] | None = None) -> None:
        """Counts a value."""
        _check_number(value)
        page, places = self._places_of(tags)
        if page is None:
            return
        *buckets, total, count = places
        # Each bucket counts what is in those before it, too.
        for bucket in buckets[bisect.bisect_left(self._ends, value) :]:
            page.add(bucket, 1)
        page.add(total, value)
        page.add(count, 1)

    @property
    def info(self) -> dict[str, Any]:
        """What the metric was made with."""
        return {**super().info, "boundaries": self.boundaries}

    def _arguments(self) -> tuple[Any, ...]:
        return self._name, self._description, self.boundaries, self._tag_keys

    def _make_samples(self, page: MetricsPage, labels: str) -> list[int]:
        family = f"ray_{self._name}"

        def place(suffix: str, labels: str) -> int:
            return page.place(HISTOGRAM, family, self._description, family + suffix, labels)

        front = f"{labels}," if labels else ""
        ends = [*map(str, self._ends), "+Inf"]
        buckets = [place("_bucket", f'{front}le="{end}"') for end in ends]
        return [*buckets, place("_sum", labels), place("_count", labels)]


def _check_number(value: Any) -> None:
    if not isinstance(value, (int, float)):
        raise TypeError(f"value must be int or float, got {type(value)}.")


def _check_tag_value(value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"Tag values must be str, got {type(value)}.")


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _page() -> MetricsPage | None:
    """Of this process; None where nobody would read it: in no cluster, in the simulator."""
    execution = current_or_none()
    if execution is None:
        return None
    runtime = execution.runtime
    if runtime.metrics is None:
        area: Callable[[], memoryview] | None = getattr(runtime.process, "metric_samples", None)
        if area is None:
            return None
        runtime.metrics = MetricsPage(area())
    return runtime.metrics
