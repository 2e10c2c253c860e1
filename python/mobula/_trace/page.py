# SPDX-License-Identifier: Apache-2.0
"""Writes a run as one HTML page that needs nothing else: styles, scripts and data are inside.

The data is a JSON index of columns, from which the picture is drawn, and blocks of details (texts,
effects, changes of state), which the page unpacks after it has drawn. Both are packed with gzip.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
from collections.abc import Iterable
from typing import Any

from mobula._trace.run import Run

_VIEW = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_trace_view")
_STYLES = ("view.css",)
# In the order of their use of one another.
_SCRIPTS = (
    "data.js",
    "names.js",
    "layout.js",
    "draw.js",
    "state.js",
    "panel.js",
    "search.js",
    "main.js",
)
_BLOCK = 512


def write(run: Run, path: str, title: str) -> None:
    """Writes the page of a run to a file."""
    blocks = [_pack(block) for block in _details(run)]
    parts = {
        "TITLE": html.escape(title),
        "STYLES": "\n".join(_read(name) for name in _STYLES),
        "SCRIPTS": "\n".join(_read(name) for name in _SCRIPTS),
        "INDEX": _pack(_index(run, title)),
        "BLOCKS": "\n".join(
            f'<script type="application/gzip" class="block">{block}</script>' for block in blocks
        ),
    }
    page = _read("view.html")
    for name, text in parts.items():
        before, after = page.split(f"<!--{name}-->" if name != "TITLE" else "{{TITLE}}", 1)
        page = before + text + after
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)


def _read(name: str) -> str:
    with open(os.path.join(_VIEW, name), encoding="utf-8") as file:
        return file.read()


def _pack(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    # The same run gives the same page: no time of packing in it.
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


class _Words:
    """Words that occur often, by number."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        if word not in self._numbers:
            self._numbers[word] = len(self.words)
            self.words.append(word)
        return self._numbers[word]


def _columns(rows: Iterable[Any], **columns: Any) -> dict[str, list[Any]]:
    rows = list(rows)
    return {name: [value(row) for row in rows] for name, value in columns.items()}


def _index(run: Run, title: str) -> dict[str, Any]:
    words = _Words()
    word = words.number
    return {
        "title": title,
        "world": run.world,
        "end": run.end_ns,
        "words": words.words,
        "tasks": run.tasks,
        "nodes": run.nodes,
        "lanes": [
            {
                "node": lane.node,
                "process": lane.process,
                "kind": lane.kind,
                "pid": lane.pid,
                "actor": lane.actor,
                "lives": [[life.start_ns, life.end_ns, life.reason] for life in lane.lives],
                "levels": lane.levels,
            }
            for lane in run.lanes
        ],
        "events": _columns(
            run.events,
            t=lambda event: event.at_ns,
            lane=lambda event: event.lane,
            name=lambda event: word(event.name),
            message=lambda event: word(event.message),
            cause=lambda event: -1 if event.cause is None else event.cause[0],
            effect=lambda event: -1 if event.cause is None else event.cause[1],
        ),
        "sent": _columns(
            run.transmissions,
            source=lambda one: one.source,
            effect=lambda one: one.effect,
            target=lambda one: -1 if one.target is None else one.target,
            message=lambda one: word(one.message),
            lost=lambda one: word(one.lost) if one.lost else -1,
            lost_t=lambda one: one.lost_ns,
            lost_lane=lambda one: one.lost_lane,
            flags=lambda one: one.remote + 2 * one.repeated + 4 * one.duplicate,
        ),
        "runs": _columns(
            run.executions,
            lane=lambda one: one.lane,
            level=lambda one: one.level,
            task=lambda one: word(one.task),
            attempt=lambda one: one.attempt,
            name=lambda one: word(one.name),
            kind=lambda one: word(one.kind),
            start=lambda one: one.start_ns,
            end=lambda one: run.end_ns if one.end_ns is None else one.end_ns,
            first=lambda one: one.first,
            last=lambda one: -1 if one.last is None else one.last,
            outcome=lambda one: word(one.outcome),
        ),
        "marks": [
            {
                "kind": mark.kind,
                "t": mark.at_ns,
                "event": mark.event,
                "lane": mark.lane,
                "text": mark.text,
            }
            for mark in run.marks
        ],
        "block": _BLOCK,
    }


def _details(run: Run) -> Iterable[list[dict[str, Any]]]:
    for start in range(0, len(run.events), _BLOCK):
        yield [
            {
                name: value
                for name in ("text", "from", "to", "effects", "state")
                if (value := event.line.get(name))
            }
            for event in run.events[start : start + _BLOCK]
        ]
