# SPDX-License-Identifier: Apache-2.0
"""The time line of a cluster, and what a program itself puts on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mobula import _time_line
from mobula._runtime import current_or_none

__all__ = ["profile", "timeline"]


def timeline(filename: str | None = None) -> list[dict[str, Any]] | None:
    """When the last tasks of each process ran, as events of Chrome's trace format.

    They are written to a file, which chrome://tracing and ui.perfetto.dev open, or else returned.

    >>> import mobula
    >>> @mobula.remote
    ... def work():
    ...     return 1
    >>> mobula.get(work.remote())
    1
    >>> "work" in [event["name"] for event in mobula.timeline()]
    True
    """
    execution = current_or_none()
    if execution is None:
        raise RuntimeError(
            "Ray has not been started yet. Timeline requires Ray to be initialized first."
        )
    events = _time_line.events_of(execution.runtime.time_line())
    if filename is None:
        return events
    with open(filename, "w") as file:
        file.write(_time_line.text_of(events))
    return None


@contextlib.contextmanager
def profile(event_type: str, extra_data: dict[str, str] | None = None) -> Iterator[None]:
    """Puts the time that the ``with`` block takes on the time line.

    It is shown as ``extra_data["name"]`` or else as its type; together they have room for 63
    letters. Of the rest of ``extra_data`` nothing is kept.
    """
    execution = current_or_none()
    if execution is None:
        yield
        return
    runtime = execution.runtime
    started = runtime.process.now()
    name = (extra_data or {}).get("name")
    try:
        yield
    finally:
        runtime.mark_span(started, f"{event_type}\0{name}" if name else event_type)
