# SPDX-License-Identifier: Apache-2.0
"""Fault plans: what breaks in a cluster, and when. For the simulator and for real clusters.

>>> from mobula.faults import At, CrashNode, On, Partition, Plan
>>> plan = Plan([
...     On(message="PushTask", to="n2", count=2).then(CrashNode(node="n2", restart_after="2s")),
...     At("1.5s").then(Partition(a=["n1"], b=["n3"], lasts="3s")),
... ])
>>> print(plan.to_text(), end="")
fault {
  on {
    message: "PushTask"
    to: "n2"
    count: 2
  }
  crash_node {
    node: "n2"
    restart_after: "2s"
  }
}
fault {
  at: "1500ms"
  partition {
    a: "n1"
    b: "n3"
    lasts: "3s"
  }
}
>>> Plan.parse(plan.to_text()) == plan
True

The classes mirror `faults/plan.proto`, where plan files get their form from; times are text such as
"0.5s", "20ms" or "7us", or numbers of seconds. A node is named by a selector: "n2"; a label such as
"rack=r1"; "any", which is a living node other than the head; or "all".
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from mobula import _core
from mobula._sim_options import parse_span

__all__ = [
    "At",
    "ClockDrift",
    "CrashGcs",
    "CrashNode",
    "CrashWorker",
    "DiskFault",
    "Every",
    "Fault",
    "Kind",
    "LinkFault",
    "On",
    "Partition",
    "PauseNode",
    "PauseWorker",
    "Plan",
    "RestartNode",
    "SlowCpu",
    "Trigger",
]

# A moment or a span: "0.5s", or seconds.
Time = str | float


class _Message:
    """A dataclass that is a message of faults/plan.proto."""

    # Fields that hold times, and lists of selectors, which may be given as one.
    TIMES: ClassVar[tuple[str, ...]] = ()
    LISTS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.TIMES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, format_time(value))
        for name in self.LISTS:
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))

    def _fields(self) -> dict[str, Any]:
        """What differs from the defaults, by its name in plan.proto."""
        fields = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value != field.default:
                name = field.name.rstrip("_")
                fields[name] = list(value) if isinstance(value, tuple) else value
        return fields

    @classmethod
    def _from_fields(cls, fields: dict[str, Any]) -> Any:
        types_by_name = typing.get_type_hints(cls)
        values = {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            name = field.name.rstrip("_")
            if name in fields:
                values[field.name] = _converted(fields[name], types_by_name[field.name])
        return cls(**values)


def _converted(value: Any, kind: Any) -> Any:
    """JSON gives large integers as text, and 2.0 as 2."""
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if int in options and isinstance(value, str):
        return int(value)
    if float in options and str not in options:
        return float(value)
    return value


# What breaks


class Kind(_Message):
    """Something that can break; its subclasses say what."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrashNode(Kind):
    """A node's daemon, its processes and its objects are gone at once.

    With `silent` nobody tells the others, as when power is lost; else connections are reset. After
    `restart_after` it comes back, empty and under a new id.
    """

    TIMES = ("restart_after",)

    node: str
    silent: bool = False
    restart_after: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestartNode(Kind):
    """A crashed node comes back, empty and under a new id. Nothing happens to one that runs."""

    node: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrashWorker(Kind):
    """One worker process of a node is gone: a busy one if there is one.

    With `running`, one that runs a task or is an actor of that name.
    """

    node: str
    running: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseNode(Kind):
    """A node stands still, and what is sent to it waits: a virtual machine that is moved."""

    TIMES = ("lasts",)

    node: str
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PauseWorker(Kind):
    """One worker process stands still; it is chosen as CrashWorker does."""

    TIMES = ("lasts",)

    node: str
    running: str = ""
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SlowCpu(Kind):
    """Tasks, and the start of processes, take `factor` times as long."""

    TIMES = ("lasts",)

    node: str
    factor: float = 1
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClockDrift(Kind):
    """The node's clock runs at `rate` times the true speed."""

    TIMES = ("lasts",)

    node: str
    rate: float = 1
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partition(Kind):
    """Nothing gets from a node of `a` to one of `b`, nor back unless it is one-way.

    An empty `b` is everybody else. A node in neither list still reaches both.
    """

    TIMES = ("lasts",)
    LISTS = ("a", "b")

    a: Sequence[str]
    b: Sequence[str] = ()
    one_way: bool = False
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinkFault(Kind):
    """What nodes of `from_` send to nodes of `to` (empty: everybody else) suffers.

    It takes `delay` longer, and up to `jitter` more; frames are lost, doubled or overtaken with
    these probabilities; or the link is slower.
    """

    TIMES = ("delay", "jitter", "reorder_by", "lasts")
    LISTS = ("from_", "to")

    from_: Sequence[str]
    to: Sequence[str] = ()
    both_ways: bool = False
    delay: Time = "0s"
    jitter: Time = "0s"
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0
    reorder_by: Time | None = None
    bytes_per_second: float = 0
    lasts: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrashGcs(Kind):
    """The GCS ends; daemons, workers and links stay. After `restart_after` it is back from its log.

    With `new_disk` from an empty one; with `lose_unsynced` what it had not synced may be lost.
    """

    TIMES = ("restart_after",)

    restart_after: Time | None = None
    new_disk: bool = False
    lose_unsynced: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiskFault(Kind):
    """The node's disk does not do what it should.

    `mode` is one of FAIL, FULL, SLOW (reads and writes take `delay` longer) and LOSE_UNSYNCED.
    `files` is one of ALL, GCS_LOG (on the head) and SPILL (objects spilled to disk).
    """

    TIMES = ("delay", "lasts")

    node: str
    mode: str = "FAIL"
    delay: Time = "0s"
    lasts: Time | None = None
    files: str = "ALL"


KINDS: dict[str, type[Kind]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in Kind.__subclasses__()
}


# When it does


@dataclasses.dataclass(frozen=True)
class Trigger(_Message):
    """When a fault comes up; its subclasses say how that is told."""

    def then(
        self,
        kind: Kind,
        *,
        after: Time = "0s",
        probability: float = 1,
        times: int | None = None,
    ) -> Fault:
        """A fault that comes up then.

        Args:
            kind: What breaks.
            after: So much later than it came up.
            probability: With which it happens each time.
            times: How often at most: without it, once, or for Every without end.
        """
        return Fault(trigger=self, kind=kind, after=after, probability=probability, times=times)


@dataclasses.dataclass(frozen=True)
class At(Trigger):
    """At a time after the start of the first driver."""

    TIMES = ("at",)

    at: Time


@dataclasses.dataclass(frozen=True)
class Every(Trigger):
    """Again and again, until `until`."""

    TIMES = ("every", "until")

    every: Time
    until: Time | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class On(Trigger):
    """At the `count`-th event of a kind.

    `event` is one of MESSAGE_SENT, TASK_STARTED, TASK_FINISHED, ACTOR_STARTED, LEASE_GRANTED,
    OBJECT_SEALED, NODE_JOINED, NODE_DIED; `message` is the type of a message; `name` that of the
    function, Class.method or class; `from_` and `to` the nodes where it happens and that a message
    is for.
    """

    event: str = "MESSAGE_SENT"
    message: str = ""
    name: str = ""
    from_: str = ""
    to: str = ""
    count: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault(_Message):
    """One entry of a plan: what breaks, and when."""

    TIMES = ("after",)

    trigger: Trigger
    kind: Kind
    after: Time = "0s"
    probability: float = 1
    times: int | None = None

    @property
    def is_random(self) -> bool:
        """Whether when it happens, and how often, is drawn."""
        return isinstance(self.trigger, Every) or self.probability != 1

    def _fields(self) -> dict[str, Any]:
        fields = super()._fields()
        del fields["trigger"], fields["kind"]
        trigger = self.trigger._fields()
        fields.update({"on": trigger} if isinstance(self.trigger, On) else trigger)
        name = next(name for name, kind in KINDS.items() if type(self.kind) is kind)
        fields[name] = self.kind._fields()
        return fields

    @classmethod
    def _from_fields(cls, fields: dict[str, Any]) -> Fault:
        if "on" in fields:
            trigger: Trigger = On._from_fields(fields["on"])
        else:
            trigger = (Every if "every" in fields else At)._from_fields(fields)
        (name,) = KINDS.keys() & fields.keys()
        own = {name: fields[name] for name in ("after", "probability", "times") if name in fields}
        return cls(trigger=trigger, kind=KINDS[name]._from_fields(fields[name]), **own)


class Plan:
    """A fault plan: some faults, in no particular order. It does not change."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Makes a plan of faults.

        Raises:
            ValueError: A fault makes no sense; the text says which field, and what was expected.
        """
        self.faults: tuple[Fault, ...] = tuple(faults)
        _core.convert_plan(self.to_json(), "plan", "json", "json")

    @classmethod
    def parse(cls, text: str, *, file: str = "plan", form: str = "text") -> Plan:
        """Reads a plan's text; `form` is "text" or "json", `file` is named in errors.

        Raises:
            ValueError: With file, line and what was expected.
        """
        plan = cls.__new__(cls)
        fields = json.loads(_core.convert_plan(text, file, form, "json"))
        plan.faults = tuple(Fault._from_fields(fault) for fault in fields.get("fault", []))
        return plan

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> Plan:
        """Reads a plan file: JSON when its name ends in .json, else the text form.

        Raises:
            OSError: It cannot be read.
            ValueError: With file, line and what was expected.
        """
        name = os.fspath(file)
        with open(name, encoding="utf-8") as stream:
            return cls.parse(stream.read(), file=name, form=_form_of(name))

    def dump(self, file: str | os.PathLike[str]) -> None:
        """Writes a plan file, in the form that `load` expects from its name."""
        name = os.fspath(file)
        with open(name, "w", encoding="utf-8") as stream:
            stream.write(self.to_json() if _form_of(name) == "json" else self.to_text())

    def to_text(self) -> str:
        """The plan as a plan file has it."""
        return _core.convert_plan(self.to_json(), "plan", "json", "text")

    def to_json(self) -> str:
        """The plan as a JSON file has it."""
        return json.dumps({"fault": [fault._fields() for fault in self.faults]}, indent=2) + "\n"

    def __add__(self, other: Plan) -> Plan:
        """The faults of both."""
        return Plan([*self.faults, *other.faults])

    def __len__(self) -> int:
        """How many faults it has."""
        return len(self.faults)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same faults in the same order."""
        return isinstance(other, Plan) and self.faults == other.faults

    def __hash__(self) -> int:
        """Of the faults."""
        return hash(self.faults)

    def __repr__(self) -> str:
        """For people: what makes an equal plan."""
        return f"Plan({list(self.faults)!r})"


def format_time(value: Time) -> str:
    """The text for a time, in the largest unit that takes no fraction."""
    if isinstance(value, str):
        span_ns = parse_span(value)
    else:
        if not value >= 0:
            raise ValueError(f"expected a time from 0 on, got {value!r}")
        span_ns = round(value * 1e9)
    for unit_ns, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "us")):
        if span_ns % unit_ns == 0:
            return f"{span_ns // unit_ns}{unit}"
    return f"{span_ns}ns"


def _form_of(file: str) -> str:
    return "json" if file.endswith(".json") else "text"
