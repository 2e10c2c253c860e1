# SPDX-License-Identifier: Apache-2.0
"""Where a process writes the metrics of its program: memory that its node's daemon reads.

A sample is a head, its texts and its value, at a place that never changes; the daemon's
`runtime/host/daemon/metrics.cc` reads them whenever Prometheus asks. To record is to change eight
bytes, and nobody is told.
"""

from __future__ import annotations

import struct
import threading
import warnings

COUNTER, GAUGE, HISTOGRAM = range(3)

# How many bytes of what follows are complete.
_COMPLETE = struct.Struct("=Q")
# The size of all of it, the type, the lengths of four texts, the value.
_HEAD = struct.Struct("=6Id")
_VALUE = struct.Struct("=d")
_VALUE_OFFSET = _HEAD.size - _VALUE.size
_ALIGNMENT = 8


class MetricsPage:
    """The samples of one process."""

    def __init__(self, area: memoryview) -> None:
        """``area`` is all zeros and this object's alone."""
        self._area = area
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], int] = {}
        self._end = _COMPLETE.size
        self._warned = False

    def place(self, kind: int, family: str, description: str, name: str, labels: str) -> int:
        """Where the value of a sample is, which is added if there is none; 0 if there is no room.

        ``labels`` are written as Prometheus has them, without the braces.
        """
        with self._lock:
            found = self._places.get((name, labels))
            if found is None:
                texts = [text.encode() for text in (family, description, name, labels)]
                found = self._places[name, labels] = self._append(kind, texts)
            return found

    def _append(self, kind: int, texts: list[bytes]) -> int:
        size = _HEAD.size + sum(map(len, texts))
        size += -size % _ALIGNMENT
        begin = self._end
        if begin + size > len(self._area):
            self._warn_full()
            return 0
        _HEAD.pack_into(self._area, begin, size, kind, *map(len, texts), 0.0)
        text = b"".join(texts)
        self._area[begin + _HEAD.size : begin + _HEAD.size + len(text)] = text
        self._end = begin + size
        # Only now the daemon looks at it.
        _COMPLETE.pack_into(self._area, 0, self._end - _COMPLETE.size)
        return begin + _VALUE_OFFSET

    def _warn_full(self) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"the metrics of this process have more than {len(self._places)} combinations of "
                f"tags; further ones are not reported: use tags with fewer values",
                stacklevel=6,
            )

    def add(self, place: int, value: float) -> None:
        """Adds to a sample."""
        if place:
            with self._lock:
                (old,) = _VALUE.unpack_from(self._area, place)
                _VALUE.pack_into(self._area, place, old + value)

    def set(self, place: int, value: float) -> None:
        """Gives a sample another value."""
        if place:
            _VALUE.pack_into(self._area, place, value)
