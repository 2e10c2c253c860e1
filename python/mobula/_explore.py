# SPDX-License-Identifier: Apache-2.0
"""Exhaustive search: one crash at every event of a program, and what becomes of its answer.

    parent: runs the program without faults, and stops before each event
      ├─ fork ─ child: crashes n2 here, runs to the end, tells the outcome
      ├─ fork ─ child: crashes n3 here, ...
      └─ goes on to the next event

A fork shares what has happened so far, so that no prefix of the program is simulated twice.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

from mobula import _sim_main, _sim_setup, _sim_watchdog
from mobula._forks import Ended, Forks
from mobula._sim_options import SimOptions
from mobula.exceptions import RayError, RayTaskError
from mobula.faults import At, CrashNode, CrashWorker, Plan

# Real time that one run may take, besides the watchdog.
_RUN_TIMEOUT_S = 300.0
_PAIR_TIMEOUT_S = 36_000.0
# A child that has children waits for each of them.
_PARENTS_PATIENCE = 4
_STDERR_KEPT = 2_000


class Outcome(enum.IntEnum):
    """What became of a program's answer; the worse, the higher."""

    ABSENT = 0
    SAME = 1
    ERROR = 2
    WRONG = 3
    HANG = 4
    INVARIANT = 5
    CRASH = 6

    @property
    def text(self) -> str:
        """For people."""
        return _TEXTS[self]

    @property
    def is_bad(self) -> bool:
        """Whether no program and no cluster may do so."""
        return self >= Outcome.WRONG


_TEXTS = {
    Outcome.ABSENT: "nothing there to crash",
    Outcome.SAME: "same answer",
    Outcome.ERROR: "documented error",
    Outcome.WRONG: "wrong answer",
    Outcome.HANG: "hang",
    Outcome.INVARIANT: "invariant violated",
    Outcome.CRASH: "simulator crashed",
}


@dataclasses.dataclass(frozen=True, order=True)
class Place:
    """Where a crash is placed: before the event of this number, on this node."""

    event: int
    node: str

    def __str__(self) -> str:
        """As --only takes it."""
        return f"{self.event}:{self.node}"


@dataclasses.dataclass(frozen=True)
class Found:
    """The outcome of one run."""

    # One crash, or a pair.
    places: tuple[Place, ...]
    outcome: Outcome
    # The error's name; how the answer differs; who waits for what.
    detail: str = ""
    hash: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What to try."""

    # Only each so many-th event.
    every: int = 1
    pairs: bool = False
    # Worker processes instead of nodes.
    workers: bool = False
    # Only these, if any.
    only: tuple[Place, ...] = ()
    jobs: int = 1
    # Virtual seconds after a crash within which the program must end.
    limit_s: float = 600


@dataclasses.dataclass
class Answer:
    """How a program ended."""

    code: int
    output: str
    # The class of the exception that ended it; "" if none did.
    error: str
    is_documented: bool
    stuck: str
    stderr: str
    hash: str
    seconds: float


@dataclasses.dataclass
class Result:
    """Everything that a search found."""

    nodes: list[str]
    # Of the run without faults: virtual time before each event.
    times: list[float]
    answer: Answer
    found: list[Found]
    search: Search

    @property
    def events_tried(self) -> int:
        """How many events had crashes placed before them."""
        return len(range(0, len(self.times), self.search.every))


class Explorer:
    """Runs one program, and forks at its events."""

    def __init__(
        self, program: str, arguments: Sequence[str], options: SimOptions, search: Search
    ) -> None:
        """Enters the simulated world, for good.

        Raises:
            ValueError: An option is wrong.
        """
        self._program = program
        self._options = options
        self._search = search
        self._out, self._err = _Buffer(), _Buffer()
        sys.stdout, sys.stderr = self._out, self._err
        # Children share the files of this process: only a run by itself is traced.
        untraced = dataclasses.replace(options, trace="")
        self._hub = _sim_main.prepare(program, arguments, untraced)
        self._hub.handlers["LogsShown"] = lambda worker, logs: None
        self._hub.handlers["Paused"] = lambda worker: self._pause()
        self._hub.handlers["Idle"] = lambda worker, waits: self._note_stuck(waits)
        self._forks = Forks(search.jobs, _PAIR_TIMEOUT_S if search.pairs else _RUN_TIMEOUT_S)
        self._error: BaseException | None = None
        self._stuck: list[str] = []
        self._times: list[float] = []
        # Crashes placed so far in this process.
        self._placed: tuple[Place, ...] = ()
        self._baseline: Answer | None = None
        self._found: list[Found] = []
        self._done = 0
        self._tell: Callable[[int], None] = lambda done: None
        self._nodes: list[str] = []

    def run(self, tell: Callable[[int, int], None]) -> Result:
        """Searches; calls `tell` with how many runs of how many are done.

        Raises:
            RuntimeError: The program fails without any fault.
        """
        self._forks.start("baseline", lambda out, err: self._run_to_end(count=True))
        (ended,) = self._forks.wait()
        if ended.value is None:
            raise RuntimeError(f"the run without faults broke off:\n{ended.stderr.rstrip()}")
        self._baseline, times = ended.value
        assert self._baseline is not None
        if self._baseline.code != 0 or self._baseline.stuck:
            raise RuntimeError(
                f"the program fails without any fault:\n{self._baseline.stuck}"
                f"{self._baseline.stderr.rstrip()}"
            )
        self._nodes = self._targets()
        tried = len(range(0, len(times), self._search.every)) * len(self._nodes)
        total = len(self._search.only) or tried
        self._tell = lambda done: tell(done, total)
        try:
            if self._options.trace:
                self._run_traced()
            else:
                self._run_to_end(count=False)
            self._collect(self._forks.wait())
        except KeyboardInterrupt:
            self._forks.kill_all()
            raise
        found = sorted(self._found, key=lambda one: one.places)
        return Result(self._nodes, times, self._baseline, found, self._search)

    def _targets(self) -> list[str]:
        names: list[str] = self._hub.world.node_names()
        return names if self._search.workers else names[1:]

    def _run_to_end(self, count: bool) -> Any:
        """The program without faults; with `count`, in a child that only looks."""
        if count:
            self._hub.handlers["Paused"] = lambda worker: self._note_time()
            _sim_watchdog.start(self._hub, self._options.watchdog_s, sys.__stderr__)
        sys.excepthook = self._note_error
        self._hub.world.pause_before_events(True)
        code = self._hub.run(lambda: _sim_main.run_program(self._hub, self._program))
        return self._answer(code), self._times

    def _run_traced(self) -> None:
        """The only run, in this process."""
        if len(self._search.only) != 1:
            raise ValueError("a trace is of one run: give --trace together with one --only")
        (place,) = self._search.only
        _sim_setup.begin(self._hub, self._options)

        def crash_here() -> None:
            self._note_time()
            if len(self._times) == place.event + 1:
                self._break(place)

        self._hub.handlers["Paused"] = lambda worker: crash_here()
        answer, _ = self._run_to_end(count=False)
        self._hub.world.flush_trace()
        assert self._baseline is not None
        self._note(_judge((place,), answer, self._baseline))

    def _note_time(self) -> None:
        self._times.append(self._hub.now_ns() / 1e9)

    def _pause(self) -> None:
        """Before an event: forks a child for each crash that is placed here."""
        event = len(self._times)
        self._note_time()
        if self._search.only:
            nodes = [place.node for place in self._search.only if place.event == event]
        elif event % self._search.every == 0:
            nodes = self._nodes
        else:
            return
        # For the watchdog: what follows is no waiting.
        self._hub.switches += 1
        for node in nodes:
            places = (*self._placed, Place(event, node))
            if not self._is_there(node):
                self._note(Found(places, Outcome.ABSENT))
            else:
                self._forks.start(places, functools.partial(self._crash, places))
        self._collect(self._forks.take_ended())

    def _is_there(self, node: str) -> bool:
        if self._search.workers:
            return self._hub.has_worker(node)
        return bool(self._hub.world.node_id(node))

    def _crash(self, places: tuple[Place, ...], out: int, err: int) -> list[Found]:
        """In a child: the crash, and the rest of the program."""
        hub = self._hub
        self._placed = places
        self._found = []
        self._tell = lambda done: None
        has_children = self._search.pairs and len(places) == 1
        if has_children:
            # They run one by one: there are enough of its like. Each is watched by itself.
            self._forks = Forks(1, _RUN_TIMEOUT_S)
            patience_s = _PARENTS_PATIENCE * self._options.watchdog_s
        else:
            hub.world.pause_before_events(False)
            patience_s = self._options.watchdog_s
        _sim_watchdog.start(hub, patience_s, sys.__stderr__, will_fork=has_children)
        self._break(places[-1])
        answer = self._answer(hub.go_on())
        if has_children:
            self._collect(self._forks.wait())
        assert self._baseline is not None
        return [_judge(places, answer, self._baseline), *self._found]

    def _break(self, place: Place) -> None:
        kind = CrashWorker if self._search.workers else CrashNode
        self._hub.limit_ns = self._hub.now_ns() + round(self._search.limit_s * 1e9)
        self._hub.world.inject(Plan([At(0).then(kind(node=place.node))]).to_json())

    def _collect(self, ended: Iterator[Ended] | Sequence[Ended]) -> None:
        for one in ended:
            if one.value is not None:
                for found in one.value:
                    self._note(found)
            else:
                self._note(_judge_death(one))

    def _note(self, found: Found) -> None:
        self._found.append(found)
        self._done += len(found.places) == 1
        self._tell(self._done)

    def _note_error(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._error = error
        sys.__excepthook__(kind, error, trace)

    def _note_stuck(self, waits: list[str]) -> None:
        at = f"after {self._hub.now_ns() / 1e9:.3f} s of virtual time"
        self._stuck = [f"{at} it waits:", *waits] if waits else [f"{at} it still sleeps or runs"]
        self._hub.exit_code = 1

    def _answer(self, code: int) -> Answer:
        error = self._error
        cause = error.cause if isinstance(error, RayTaskError) else error
        return Answer(
            code=code,
            output=self._out.text(),
            error="" if error is None else type(error).__name__,
            is_documented=isinstance(cause, RayError),
            stuck="\n".join(self._stuck),
            stderr=self._err.text()[-_STDERR_KEPT:],
            hash=self._hub.world.trace_hash(),
            seconds=self._hub.now_ns() / 1e9,
        )


class _Buffer(io.TextIOWrapper):
    """A standard stream that is kept."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="replace")

    def text(self) -> str:
        """What has been written."""
        self.flush()
        data: bytes = self.buffer.getvalue()  # type: ignore[attr-defined]
        return data.decode(errors="replace")


def _judge(places: tuple[Place, ...], answer: Answer, expected: Answer) -> Found:
    """Compares a run with the one without faults."""
    if answer.stuck:
        outcome, detail = Outcome.HANG, answer.stuck
    elif answer.code == expected.code and answer.output == expected.output:
        outcome, detail = Outcome.SAME, ""
    elif answer.error and answer.is_documented:
        outcome, detail = Outcome.ERROR, answer.error
    else:
        outcome, detail = Outcome.WRONG, _difference(answer, expected)
    return Found(places, outcome, detail, answer.hash)


def _difference(answer: Answer, expected: Answer) -> str:
    if answer.error:
        return f"{answer.error}:\n{answer.stderr.rstrip()}"
    if answer.code != expected.code:
        return f"exit code {answer.code}\n{answer.stderr.rstrip()}"
    for line, wanted in zip(answer.output.splitlines(), expected.output.splitlines(), strict=False):
        if line != wanted:
            return f"printed {line!r} instead of {wanted!r}"
    return f"printed {len(answer.output)} characters instead of {len(expected.output)}"


def _judge_death(ended: Ended) -> Found:
    """Of a child that told nothing."""
    assert isinstance(ended.key, tuple)
    text = ended.stderr.strip()
    if "CHECK failed" in text:
        outcome = Outcome.INVARIANT
    elif ended.timed_out or "without waiting once" in text:
        outcome = Outcome.HANG
    else:
        outcome = Outcome.CRASH
    return Found(ended.key, outcome, text[:_STDERR_KEPT] or f"exit code {ended.returncode}")
