# SPDX-License-Identifier: Apache-2.0
"""When tasks waited and ran, in Chrome's trace event format: for chrome://tracing and Perfetto.

A node is a process there; its processes are the threads. A process keeps its last executions, so
the line reaches back as far as those.
"""

from __future__ import annotations

import dataclasses
import heapq
import json
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class NodeTimes:
    """What one node tells: as `/api/timeline` of its daemon."""

    # Shown to people.
    name: str
    # Nanoseconds of the clock in which it tells.
    now: int
    # For each process: worker, pid, is_driver, alive, executions.
    processes: list[dict[str, Any]]


def ask_cluster(access: Any, nodes: list[dict[str, Any]]) -> tuple[list[NodeTimes], list[str]]:
    """Of these nodes, as `Access.nodes` gives them; and the addresses of those that are silent."""
    from mobula._cluster.query import QueryError

    told, silent = [], []
    for node, answer in access.ask_nodes("/api/timeline", nodes):
        address = node["info"]["address"]
        if isinstance(answer, QueryError):
            silent.append(address)
        else:
            told.append(NodeTimes(address, answer["now"], answer["processes"]))
    return told, silent


def events_of(nodes: list[NodeTimes]) -> list[Event]:
    """The trace events: names of tracks, spans of executions, and how long each was queued."""
    events: list[Event] = []
    threads = iter(range(1, 1 << 62))
    for number, node in enumerate(nodes, 1):
        events.append(_name("process", number, 0, f"node {node.name}"))
        for process in node.processes:
            what = "driver" if process["is_driver"] else "worker"
            for level, executions in enumerate(_levels(process["executions"])):
                thread = next(threads)
                title = f"{what} {process['pid']}" + (f" ({level + 1})" if level else "")
                events.append(_name("thread", number, thread, title))
                for execution in executions:
                    is_over = execution["ended"] is not None
                    if is_over or process["alive"]:
                        events += _spans(execution, node.now, pid=number, tid=thread)
    return events


def text_of(events: list[Event]) -> str:
    """As a file has them."""
    return json.dumps(events)


def _name(kind: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": f"{kind}_name", "pid": pid, "tid": tid, "args": {"name": name}}


def _spans(execution: dict[str, Any], now: int, *, pid: int, tid: int) -> Iterator[Event]:
    place = {"pid": pid, "tid": tid}
    end = now if execution["ended"] is None else execution["ended"]
    span = {
        "ph": "X",
        "name": execution["name"],
        "cat": execution["kind"],
        "ts": execution["started"] / 1000,
        "dur": (end - execution["started"]) / 1000,
        **place,
    }
    if "task" not in execution:
        yield {**span, **_mark(execution["name"])}
        return
    outcome = "running" if execution["ended"] is None else "finished"
    arguments = {
        "task_id": execution["task"],
        "attempt": execution["attempt"],
        "outcome": "failed" if execution["failed"] else outcome,
    }
    yield {**span, "args": arguments}
    if execution["arrived"] < execution["started"]:
        # Such spans may overlap with others of their thread.
        common = {
            "cat": "queued",
            "name": f"{execution['name']} (queued)",
            "id": f"{execution['task']}-{execution['attempt']}",
            **place,
        }
        yield {"ph": "b", "ts": execution["arrived"] / 1000, **common}
        yield {"ph": "e", "ts": execution["started"] / 1000, **common}


def _mark(text: str) -> dict[str, Any]:
    """What a program said of a span, see `profiling`."""
    kind, _, name = text.partition("\0")
    return {"name": name or kind, "cat": kind}


def _levels(executions: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Those of one level do not overlap, except that one may lie within another (marks do)."""
    marks = [one for one in executions if "task" not in one]
    levels: list[list[dict[str, Any]]] = []
    # When each level is free again.
    free: list[tuple[float, int]] = []
    for one in sorted((one for one in executions if "task" in one), key=_start):
        end = float("inf") if one["ended"] is None else one["ended"]
        if free and free[0][0] <= one["started"]:
            level = heapq.heappop(free)[1]
        else:
            level = len(levels)
            levels.append([])
        levels[level].append(one)
        heapq.heappush(free, (end, level))
    if marks and not levels:
        levels.append([])
    if marks:
        levels[0] += marks
    return levels


def _start(execution: dict[str, Any]) -> int:
    return int(execution["started"])
