# SPDX-License-Identifier: Apache-2.0
"""A run as a reader wants it: lanes, events, transmissions, executions, and what went wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

DAEMON = "daemon"
# Effects that put something on its way to somebody else.
SENDS = frozenset({"Send", "DeliverLocal", "SendFrame", "SendChunkTo"})


@dataclasses.dataclass(kw_only=True, slots=True)
class Life:
    """From the start of a daemon or process to its end, if the trace knows of it."""

    start_ns: int
    end_ns: int | None = None
    reason: str = ""


@dataclasses.dataclass(kw_only=True)
class Lane:
    """A daemon or a process: one line of the picture."""

    # Of the node, as people call it.
    node: str
    # "daemon", or the first digits of the process's id.
    process: str
    # "daemon", "driver" or "worker".
    kind: str = "worker"
    pid: int | None = None
    # The class of the actor that lives there.
    actor: str = ""
    # One for a process; of a daemon one for each incarnation.
    lives: list[Life] = dataclasses.field(default_factory=list)
    # How many executions overlap in it at most.
    levels: int = 1


@dataclasses.dataclass(kw_only=True, slots=True)
class Event:
    """One event of a machine, or something that the world did."""

    at_ns: int
    lane: int
    name: str
    # What it brought, for the receipt of a message.
    message: str = ""
    # The event it came of, and the place among that one's effects; None for none.
    cause: tuple[int, int] | None = None
    # As in the file: "text", "from", "to", "effects", "state".
    line: dict[str, Any]


@dataclasses.dataclass(kw_only=True, slots=True)
class Transmission:
    """Something sent: from an effect to the event that received it, or to nowhere."""

    # The sending event, and the place among its effects.
    source: int
    effect: int
    # The event that received it; None when it was lost or still on its way at the end.
    target: int | None = None
    message: str = ""
    # Why nobody received it, when, and in which lane it ended.
    lost: str = ""
    lost_ns: int = 0
    lost_lane: int = 0
    # From node to node, rather than inside one.
    remote: bool = False
    # The same frame had been sent before.
    repeated: bool = False
    # The network delivered it once more.
    duplicate: bool = False


@dataclasses.dataclass(kw_only=True, slots=True)
class Execution:
    """One attempt of a task in one process."""

    lane: int
    # Rows of a lane in which executions overlap.
    level: int
    task: str
    attempt: int
    name: str
    # "normal", "actorcreation" or "actorcall".
    kind: str
    start_ns: int
    # The event with which it began, and the one with which it ended.
    first: int
    last: int | None = None
    end_ns: int | None = None
    # "", "error" (it raised) or "lost" (its process ended first).
    outcome: str = ""


@dataclasses.dataclass(kw_only=True, slots=True)
class Mark:
    """Something that a reader should know of first."""

    # "fault", "death", "loss", "retry" or "note".
    kind: str
    at_ns: int
    # The event to look at, and where it is.
    event: int
    lane: int
    text: str


@dataclasses.dataclass(kw_only=True)
class Run:
    """All of it."""

    world: str
    lanes: list[Lane]
    events: list[Event]
    transmissions: list[Transmission] = dataclasses.field(default_factory=list)
    executions: list[Execution] = dataclasses.field(default_factory=list)
    marks: list[Mark] = dataclasses.field(default_factory=list)
    # What ids stand for: the first digits of a task's id -> its name, of a node's -> the node's.
    tasks: dict[str, str] = dataclasses.field(default_factory=dict)
    nodes: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def end_ns(self) -> int:
        """When the last event happened."""
        return self.events[-1].at_ns if self.events else 0
