# SPDX-License-Identifier: Apache-2.0
"""Lines that many processes write alike are shown once, and then counted.

As Ray does: the first is shown at once; those that other processes repeat within five seconds are
held back and then shown as one, with their number. Lines count as alike if they differ in numbers
only. Ray's variables change that: RAY_DEDUP_LOGS=0 turns it off, RAY_DEDUP_LOGS_AGG_WINDOW_S says
how long lines are gathered; lines that match RAY_DEDUP_LOGS_ALLOW_REGEX are always shown, and those
that match RAY_DEDUP_LOGS_SKIP_REGEX never.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
# A batch of lines as the runtime reports it: lines, pid, name, node_name, is_error.
Batch = dict[str, Any]


@dataclasses.dataclass
class _Repeated:
    """Lines that are alike."""

    # When gathering began.
    since: float
    # The last of them, and whose it was.
    line: str
    batch: Batch
    sources: set[tuple[str, int]]
    # Held back since then.
    count: int = 0


@dataclasses.dataclass(frozen=True)
class Options:
    """What is held back."""

    enabled: bool = True
    window_s: float = 5.0
    always: re.Pattern[str] | None = None
    never: re.Pattern[str] | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Options:
        """As variables say.

        Raises:
            ValueError: One of them cannot be understood.
        """
        return cls(
            environment.get("RAY_DEDUP_LOGS", "1") not in ("0", "false", "False"),
            _seconds(environment.get("RAY_DEDUP_LOGS_AGG_WINDOW_S", "5")),
            _pattern(environment, "RAY_DEDUP_LOGS_ALLOW_REGEX"),
            _pattern(environment, "RAY_DEDUP_LOGS_SKIP_REGEX"),
        )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if value <= 0:
        raise ValueError(
            f"RAY_DEDUP_LOGS_AGG_WINDOW_S must be a positive number of seconds, got {text!r}"
        )
    return value


def _pattern(environment: Mapping[str, str], name: str) -> re.Pattern[str] | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{name} must be a regular expression, got {text!r}: {error}") from None


class Repeats:
    """What was shown lately, and what is held back."""

    def __init__(self, options: Options) -> None:
        """Nothing was shown."""
        self._options = options
        self._explained = False
        # By the line without its numbers, the oldest first.
        self._recent: dict[str, _Repeated] = {}

    def filter(self, batch: Batch, now: float) -> list[Batch]:
        """What of a batch is to be shown now, and what before it is over; ``now`` in seconds."""
        if not self._options.enabled:
            return [batch]
        shown = [line for line in batch["lines"] if self._is_shown(line, batch, now)]
        return [*([{**batch, "lines": shown}] if shown else []), *self.due(now)]

    def _is_shown(self, line: str, batch: Batch, now: float) -> bool:
        if self._options.always is not None and self._options.always.search(line):
            return True
        if self._options.never is not None and self._options.never.search(line):
            return False
        key = _NUMBER.sub("", line).strip()
        if not key:
            return True
        source = (batch["node_name"], batch["pid"])
        known = self._recent.get(key)
        if known is None:
            self._recent[key] = _Repeated(now, line, _without_lines(batch), {source})
            return True
        known.sources.add(source)
        if len(known.sources) == 1:
            return True
        known.count += 1
        known.line, known.batch = line, _without_lines(batch)
        return False

    def holds(self) -> bool:
        """Whether something is held back."""
        return any(one.count for one in self._recent.values())

    def due(self, now: float) -> list[Batch]:
        """What was held back for long enough. Lines that still come are gathered anew."""
        told: list[Batch] = []
        for key, one in list(self._recent.items()):
            if now - one.since < self._options.window_s:
                break
            del self._recent[key]
            told += self._told(one)
            if one.count > 1:
                self._recent[key] = dataclasses.replace(one, since=now, count=0)
        return told

    def all(self) -> list[Batch]:
        """What is held back, at the end."""
        rest, self._recent = self._recent, {}
        return [batch for one in rest.values() for batch in self._told(one)]

    def _told(self, one: _Repeated) -> list[Batch]:
        if not one.count:
            return []
        line = one.line
        if one.count > 1:
            line += f" [repeated {one.count}x across cluster]"
            if not self._explained:
                self._explained = True
                line += " (lines that differ in numbers only; RAY_DEDUP_LOGS=0 shows all)"
        return [{**one.batch, "lines": [line]}]


def _without_lines(batch: Batch) -> Batch:
    return {key: value for key, value in batch.items() if key != "lines"}


def from_environment() -> Repeats:
    """As the driver's variables say."""
    return Repeats(Options.of(os.environ))
