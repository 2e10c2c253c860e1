# SPDX-License-Identifier: Apache-2.0
"""Finds the first event in which two runs differ, by the hash over all events up to each.

Reads traces (`--trace`), which know every event's text, and files of hashes (`--hashes`), which are
much smaller and know its name. The two files may be of different kinds.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterator

from mobula._trace import read

_BEFORE = 5


@dataclasses.dataclass(frozen=True)
class Step:
    """One event of a run, or one thing that the world did."""

    hash: str
    time: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.time}s {self.place}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Difference:
    """Where two runs part."""

    # Counts events from 1.
    number: int
    before: list[Step]
    # None for the run that has ended.
    first: Step | None
    second: Step | None


def find(first: str, second: str) -> Difference | None:
    """Returns where two recorded runs part, or None when they are equal.

    Raises:
        TraceError: One of the files is neither a trace with hashes nor a file of hashes.
    """
    before: deque[Step] = deque(maxlen=_BEFORE)
    steps = itertools.zip_longest(steps_of(first), steps_of(second))
    for number, (one, other) in enumerate(steps, 1):
        if one is None or other is None or one.hash != other.hash:
            return Difference(number, list(before), one, other)
        before.append(one)
    return None


def describe(difference: Difference, first: str, second: str) -> str:
    """Returns the difference in words."""
    lines = [f"the runs differ from event {difference.number} on"]
    if difference.before:
        lines.append(f"the last {len(difference.before)} that are equal:")
        lines += [f"    {step}" for step in difference.before]
    else:
        lines.append("no event before it is equal")
    for path, step in ((first, difference.first), (second, difference.second)):
        lines.append(f"in {path}:")
        lines.append(f"    {step}" if step is not None else "    (the run has ended)")
    if difference.first and difference.second and str(difference.first) == str(difference.second):
        lines.append("the two look alike here: they differ in bytes that are not shown as text")
    return "\n".join(lines)


def steps_of(path: str) -> Iterator[Step]:
    """Yields the events of a recorded run."""
    with open(path, encoding="ascii", errors="replace") as file:
        is_trace = file.read(1) == "{"
    yield from _trace_steps(path) if is_trace else _hash_steps(path)


def _trace_steps(path: str) -> Iterator[Step]:
    for number, line in enumerate(read.lines_of(path), 2):
        if "lost" in line:
            continue
        if "hash" not in line:
            raise read.TraceError(f"{path}:{number}: no hash; only simulations have them")
        what = [line["event"], line.get("message", ""), line.get("text", "")]
        yield Step(
            hash=line["hash"],
            time=f"{line['t']:.9f}",
            place=f"{line['node']}/{line['process']}",
            text=" ".join(word for word in what if word),
        )


def _hash_steps(path: str) -> Iterator[Step]:
    with open(path, encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            words = line.rstrip("\n").split(" ", 3)
            if len(words) < 4 or len(words[0]) != 16:
                raise read.TraceError(
                    f"{path}:{number}: expected a line of a file that `mobula sim --hashes FILE` "
                    "wrote: hash, time, place, event"
                )
            yield Step(*words)
