# SPDX-License-Identifier: Apache-2.0
"""Reads the lines of a trace: of one simulation, or of all processes of a real run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from mobula._trace import happenings, transmissions
from mobula._trace.run import DAEMON, Event, Lane, Run


class TraceError(ValueError):
    """A file is no trace; says which, where, and what was expected."""


def load(path: str) -> Run:
    """Reads a trace file, or the folder of files that the processes of a real run wrote.

    Raises:
        TraceError: It is not a trace.
    """
    files = [path]
    if os.path.isdir(path):
        names = sorted(name for name in os.listdir(path) if name.endswith(".jsonl"))
        files = [os.path.join(path, name) for name in names]
        if not files:
            raise TraceError(f"{path}: a folder without any .jsonl file of a trace")
    world = ""
    lines: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        head, own = _read_file(file)
        world = world or head
        node = next((line["node"] for line in own if line["node"]), "")
        for line in own:
            line["file"] = number
            line["node"] = line["node"] or node
        lines += own
    # Stable: what one producer wrote stays in its order. All clocks of one machine are one.
    if len(files) > 1:
        lines.sort(key=lambda line: line["t"])
    return _build(world, lines)


def lines_of(path: str) -> Iterator[dict[str, Any]]:
    """Yields the lines of one trace file, the first (which names the format) excepted."""
    _, lines = _read_file(path)
    yield from lines


def _read_file(path: str) -> tuple[str, list[dict[str, Any]]]:
    lines = []
    with open(path, encoding="ascii", errors="replace") as file:
        try:
            head = json.loads(file.readline())
            world = head["world"]
        except (ValueError, KeyError, TypeError):
            raise TraceError(
                f"{path}:1: not a trace; expected the file that `mobula sim --trace FILE` wrote"
            ) from None
        text = ""
        for number, text in enumerate(file, 2):
            try:
                lines.append(json.loads(text))
            except ValueError:
                # A process that was killed may have left half a line.
                if text.endswith("\n"):
                    raise TraceError(f"{path}:{number}: expected a line of JSON") from None
    return world, lines


def _build(world: str, lines: list[dict[str, Any]]) -> Run:
    start_ns = _ns(lines[0]["t"]) if lines and world == "cluster" else 0
    run = Run(world=world, lanes=[], events=[])
    _name_nodes(run, lines)
    lanes: dict[tuple[str, str], int] = {}
    # The event of each producer's number, for causes.
    numbered: dict[tuple[int, int], int] = {}
    losses = []
    for line in lines:
        line["at_ns"] = at_ns = _ns(line["t"]) - start_ns
        node = run.nodes.get(line["node"].removeprefix("n"), line["node"])
        key = node, line["process"]
        if key not in lanes:
            kind = DAEMON if line["process"] == DAEMON else "worker"
            lanes[key] = len(run.lanes)
            run.lanes.append(Lane(node=node, process=line["process"], kind=kind))
        if "lost" in line:
            losses.append((line, lanes[key]))
            continue
        file = line.get("file", 0)
        if "n" in line:
            numbered[file, line["n"]] = len(run.events)
        cause = None
        if "cause" in line and (file, line["cause"][0]) in numbered:
            cause = numbered[file, line["cause"][0]], line["cause"][1]
        run.events.append(
            Event(
                at_ns=at_ns,
                lane=lanes[key],
                name=line["event"],
                message=line.get("message", ""),
                cause=cause,
                line=line,
            )
        )
    places = _sort_lanes(run)
    happenings.find_lives(run)
    happenings.find_executions(run)
    transmissions.pair(run, [(line, places[lane]) for line, lane in losses], numbered)
    happenings.find_marks(run)
    return run


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _name_nodes(run: Run, lines: list[dict[str, Any]]) -> None:
    """Real nodes are known by their ids; people call them n1, n2, ... in the order they came."""
    for line in lines:
        if line.get("event") != "NodeStart":
            continue
        digits = line["text"][:8]
        name = line["node"]
        if name.removeprefix("n") == digits:
            name = f"n{len(run.nodes) + 1}"
        run.nodes.setdefault(digits, name)


def _sort_lanes(run: Run) -> dict[int, int]:
    """Nodes in the order of their numbers; in a node its daemon, then processes as they came.

    Returns the new place of each lane.
    """
    order = sorted(range(len(run.lanes)), key=lambda lane: _place(run.lanes[lane], lane))
    places = {lane: place for place, lane in enumerate(order)}
    run.lanes = [run.lanes[lane] for lane in order]
    for event in run.events:
        event.lane = places[event.lane]
    return places


def _place(lane: Lane, index: int) -> tuple[int, str, bool, int]:
    digits = lane.node.removeprefix("n")
    number = int(digits) if digits.isdigit() else 1 << 30
    return number, lane.node, lane.process != DAEMON, index
