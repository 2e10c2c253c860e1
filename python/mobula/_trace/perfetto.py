# SPDX-License-Identifier: Apache-2.0
"""Writes a run in Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open.

A node is a process there; its daemon and its processes are the threads.
"""

from __future__ import annotations

import json
from typing import Any

from mobula._trace.run import DAEMON, Lane, Run


def write(run: Run, path: str) -> None:
    """Writes the export of a run to a file."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"traceEvents": events_of(run), "displayTimeUnit": "ms"}, file)


def events_of(run: Run) -> list[dict[str, Any]]:
    """Returns the trace events: names of tracks, slices of tasks, flows of messages, instants."""
    tracks = _Tracks(run)
    return [*tracks.names(), *_tasks(run, tracks), *_messages(run, tracks), *_marks(run, tracks)]


class _Tracks:
    """Numbers of processes and threads in the export."""

    def __init__(self, run: Run) -> None:
        self._run = run
        nodes = list(dict.fromkeys(lane.node for lane in run.lanes))
        self._pids = {node: number for number, node in enumerate(nodes, 1)}
        # Executions that overlap in one process are threads of their own.
        self._tids: dict[tuple[int, int], int] = {}
        for index, lane in enumerate(run.lanes):
            for level in range(lane.levels):
                self._tids[index, level] = len(self._tids) + 1

    def place(self, lane: int, level: int = 0) -> dict[str, int]:
        return {"pid": self._pids[self._run.lanes[lane].node], "tid": self._tids[lane, level]}

    def names(self) -> list[dict[str, Any]]:
        named = [
            {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": node}}
            for node, pid in self._pids.items()
        ]
        for (lane, level), tid in self._tids.items():
            place = self.place(lane, level)
            name = _label(self._run.lanes[lane])
            named.append({"ph": "M", "name": "thread_name", "args": {"name": name}, **place})
            named.append(
                {"ph": "M", "name": "thread_sort_index", "args": {"sort_index": tid}, **place}
            )
        return named


def _label(lane: Lane) -> str:
    if lane.kind == DAEMON:
        return "daemon"
    what = f"actor {lane.actor}" if lane.actor else lane.kind
    return f"{what} {lane.process}" + (f" (pid {lane.pid})" if lane.pid else "")


def _us(ns: int) -> float:
    return ns / 1000


def _tasks(run: Run, tracks: _Tracks) -> list[dict[str, Any]]:
    slices = []
    for one in run.executions:
        end_ns = run.end_ns if one.end_ns is None else one.end_ns
        slices.append(
            {
                "ph": "X",
                "cat": "task,re-execution" if one.attempt else "task",
                "name": f"{one.name} (attempt {one.attempt})" if one.attempt else one.name,
                "ts": _us(one.start_ns),
                "dur": _us(end_ns - one.start_ns),
                "args": {
                    "task": one.task,
                    "attempt": one.attempt,
                    "kind": one.kind,
                    "outcome": one.outcome or "done",
                },
                **tracks.place(one.lane, one.level),
            }
        )
    return slices


def _messages(run: Run, tracks: _Tracks) -> list[dict[str, Any]]:
    """A flow needs a slice at both ends: each is as short as the format allows."""
    flows: list[dict[str, Any]] = []
    for number, one in enumerate(run.transmissions, 1):
        source = run.events[one.source]
        common = {"cat": "message", "name": one.message or "message"}
        start = {"ts": _us(source.at_ns), **tracks.place(source.lane)}
        if one.lost:
            flows.append(
                {
                    "ph": "i",
                    "s": "t",
                    "cat": "loss",
                    "name": f"{common['name']}: {one.lost}",
                    "ts": _us(one.lost_ns),
                    **tracks.place(one.lost_lane),
                }
            )
        if one.target is None:
            continue
        target = run.events[one.target]
        end = {"ts": _us(target.at_ns), **tracks.place(target.lane)}
        flows += [
            {"ph": "X", "dur": 0.001, **common, "name": f"send {common['name']}", **start},
            {"ph": "X", "dur": 0.001, **common, "name": f"receive {common['name']}", **end},
            {"ph": "s", "id": number, **common, **start},
            {"ph": "f", "bp": "e", "id": number, **common, **end},
        ]
    return flows


def _marks(run: Run, tracks: _Tracks) -> list[dict[str, Any]]:
    return [
        {
            "ph": "i",
            "s": "g" if mark.kind in ("fault", "death") else "t",
            "cat": mark.kind,
            "name": mark.text,
            "ts": _us(mark.at_ns),
            **tracks.place(mark.lane),
        }
        for mark in run.marks
    ]
