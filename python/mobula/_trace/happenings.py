# SPDX-License-Identifier: Apache-2.0
"""What events amount to: lives of processes, executions of tasks, faults and losses."""

from __future__ import annotations

import re
from typing import Any

from mobula._trace.run import DAEMON, Execution, Lane, Life, Mark, Run

# Losses on one link that are nearer than this are one mark.
_BURST_NS = 500_000_000
# Tasks of one name that are executed again within this time are one mark.
_RETRIES_NS = 50_000_000
_NOT_SHOWN = ("NodeStart", "NodeEnd", "ProcessStart", "ProcessEnd")


def find_lives(run: Run) -> None:
    """Fills in when processes ended, what they are, and the names of tasks."""
    by_process = {lane.process: lane for lane in run.lanes if lane.process != DAEMON}
    for event in run.events:
        line = event.line
        lane = run.lanes[event.lane]
        if event.name == "ProcessStart":
            kind, _, pid = line["text"].partition(", pid ")
            lane.kind = kind
            lane.pid = int(pid) if pid.isdigit() else None
        if event.name in ("ProcessStart", "NodeStart"):
            lane.lives.append(Life(start_ns=event.at_ns))
        elif event.name in ("ProcessEnd", "NodeEnd"):
            _end(lane, event.at_ns, line["text"])
        elif "ended" in line and line["ended"].removeprefix("w") in by_process:
            _end(by_process[line["ended"].removeprefix("w")], event.at_ns, line.get("text", ""))
        state = line.get("state", {})
        for table in ("tasks", "executions"):
            for task, record in state.get(table, {}).items():
                if record is not None:
                    run.tasks[task] = record.get("name", "")


def _end(lane: Lane, at_ns: int, reason: str) -> None:
    if lane.lives and lane.lives[-1].end_ns is None:
        lane.lives[-1].end_ns, lane.lives[-1].reason = at_ns, reason


def find_executions(run: Run) -> None:
    """Fills in the executions: from the event that starts one to that which ends it."""
    running: dict[tuple[int, str], Execution] = {}
    levels: dict[int, dict[int, str]] = {}
    for index, event in enumerate(run.events):
        if event.name == "ProcessEnd":
            _end_all(run, running, levels, event.lane, index)
        records = event.line.get("state", {}).get("executions", {})
        runs = {task for task, record in records.items() if record and record["state"] == "running"}
        # What ends makes place for what begins.
        for task in records.keys() - runs:
            if (event.lane, task) in running:
                execution = running.pop((event.lane, task))
                del levels[event.lane][execution.level]
                execution.end_ns, execution.last = event.at_ns, index
                if "application_error: true" in event.line.get("text", ""):
                    execution.outcome = "error"
        for task in (task for task in records if task in runs):
            if (event.lane, task) not in running:
                record = records[task]
                running[event.lane, task] = _start(run, levels, event.lane, task, record, index)
    for execution in running.values():
        lives = run.lanes[execution.lane].lives
        if lives and lives[-1].end_ns is not None:
            execution.end_ns, execution.outcome = lives[-1].end_ns, "lost"


def _start(
    run: Run,
    levels: dict[int, dict[int, str]],
    lane: int,
    task: str,
    record: dict[str, Any],
    index: int,
) -> Execution:
    taken = levels.setdefault(lane, {})
    level = next(level for level in range(len(taken) + 1) if level not in taken)
    taken[level] = task
    run.lanes[lane].levels = max(run.lanes[lane].levels, level + 1)
    execution = Execution(
        lane=lane,
        level=level,
        task=task,
        attempt=record.get("attempt", 0),
        name=record.get("name", ""),
        kind=record["task_kind"],
        start_ns=run.events[index].at_ns,
        first=index,
    )
    if execution.kind == "actorcreation":
        run.lanes[lane].actor = execution.name.removesuffix(".__init__")
    run.executions.append(execution)
    return execution


def _end_all(
    run: Run,
    running: dict[tuple[int, str], Execution],
    levels: dict[int, dict[int, str]],
    lane: int,
    index: int,
) -> None:
    for key in [key for key in running if key[0] == lane]:
        execution = running.pop(key)
        execution.end_ns, execution.last = run.events[index].at_ns, index
        execution.outcome = "lost"
    levels.pop(lane, None)


def find_marks(run: Run) -> None:
    """Fills in the marks, in order of time."""
    # What machines say of themselves, the simulator notes once more.
    said = set()
    for index, event in enumerate(run.events):
        for effect in event.line.get("effects", ()):
            mark = _mark_of(effect)
            if mark is not None:
                kind, text = mark
                said.add((event.at_ns, effect.get("text", "")))
                run.marks.append(
                    Mark(kind=kind, at_ns=event.at_ns, event=index, lane=event.lane, text=text)
                )
        if "effects" in event.line or event.name in _NOT_SHOWN:
            continue
        text = event.line.get("text", "")
        if (event.at_ns, text) in said or text.startswith("executed again: "):
            continue
        kind = "note" if re.search(r"\b(restarts|healed|goes on)\b", text) else "fault"
        run.marks.append(
            Mark(kind=kind, at_ns=event.at_ns, event=index, lane=event.lane, text=text)
        )
    run.marks = _group_retries(run.marks) + _losses(run)
    run.marks.sort(key=lambda mark: (mark.at_ns, mark.event))


def _group_retries(marks: list[Mark]) -> list[Mark]:
    """Makes one mark of the tasks of one name that are executed again at once for one reason."""
    grouped: list[Mark] = []
    last: dict[str, tuple[Mark, int]] = {}
    for mark in marks:
        if mark.kind != "retry":
            grouped.append(mark)
            continue
        what = re.sub(r"\b[0-9a-f]{8,}\b", "", mark.text.rpartition(" (task ")[0])
        first, count = last.get(what, (None, 0))
        if first is None or mark.at_ns - first.at_ns > _RETRIES_NS:
            grouped.append(mark)
            last[what] = mark, 1
            continue
        last[what] = first, count + 1
        name, _, reason = what.partition(": ")
        reason = re.sub(r"^object +was lost$", "objects were lost", reason)
        first.text = f"{count + 1} tasks {name}: {reason}"
    return grouped


def _mark_of(effect: dict[str, Any]) -> tuple[str, str] | None:
    text = effect.get("text", "")
    match effect["effect"]:
        case "TaskRetried":
            return "retry", f"{text} (task {effect['task']}, attempt {effect['attempt']})"
        case "ClusterEvent":
            return ("death" if re.search(r"\b(dead|died|dies|lost)\b", text) else "note"), text
        case "Fenced":
            return "death", f"the node learns of its own death: {text}"
    return None


def _losses(run: Run) -> list[Mark]:
    """One mark for each burst of losses on a link."""
    bursts: dict[tuple[int, int, str], list[Any]] = {}
    marks = []
    for one in run.transmissions:
        if not one.lost:
            continue
        source = run.events[one.source]
        key = source.lane, one.lost_lane, one.lost
        burst = bursts.get(key)
        if burst is None or one.lost_ns - burst[1] > _BURST_NS:
            mark = Mark(
                kind="loss", at_ns=one.lost_ns, event=one.source, lane=one.lost_lane, text=""
            )
            marks.append(mark)
            burst = bursts[key] = [mark, 0, 0, one.message]
        burst[1] = one.lost_ns
        burst[2] += 1
        effect = source.line["effects"][one.effect]
        target = run.nodes.get(effect.get("to", "").removeprefix("n"), effect.get("to", ""))
        what = one.message if burst[2] == 1 else f"{burst[2]} messages ({burst[3]}, ...)"
        burst[0].text = f"{what} from {run.lanes[source.lane].node} to {target}: {one.lost}"
    return marks
