# SPDX-License-Identifier: Apache-2.0
"""What an exhaustive search found: a table for the terminal, and a heat map as a web page."""

from __future__ import annotations

import collections
import html
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from mobula._explore import Found, Outcome, Place, Result

# Chosen so that they differ in lightness, too.
_COLOURS = {
    Outcome.ABSENT: "#eceff1",
    Outcome.SAME: "#a5d6a7",
    Outcome.ERROR: "#ffd54f",
    Outcome.WRONG: "#e53935",
    Outcome.HANG: "#8e24aa",
    Outcome.INVARIANT: "#000000",
    Outcome.CRASH: "#5d4037",
}
_EVENTS_PER_ROW = 160
_CELL_WIDTH, _CELL_HEIGHT, _LEFT, _GAP = 7, 16, 90, 10
# Of each kind of bad outcome, so many are described.
_EXAMPLES = 5


def print_result(result: Result, console: Console) -> None:
    """Prints coverage, how often each outcome came, and examples of the bad ones."""
    counts = collections.Counter(_label(found) for found in result.found)
    table = Table(box=None, pad_edge=False)
    for name, justify in (("outcome", "left"), ("runs", "right"), ("share", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for (outcome, label), count in sorted(counts.items()):
        share = 100 * count / len(result.found)
        style = "bold red" if outcome.is_bad else ""
        table.add_row(label, str(count), f"{share:.1f} %", style=style)
    console.print(table)
    console.print(coverage(result))
    for found in _examples(result):
        where = " and ".join(str(place) for place in found.places)
        console.print(f"\n[bold red]{found.outcome.text}[/] at {where}", highlight=False)
        console.print(found.detail, markup=False, highlight=False)


def coverage(result: Result) -> str:
    """Which share of all places was tried."""
    events, nodes = len(result.times), len(result.nodes)
    what = "worker crash" if result.search.workers else "node crash"
    if result.search.only:
        return f"{len(result.search.only)} of {events * nodes} places tried, as asked for"
    tried = len({found.places for found in result.found if len(found.places) == 1})
    wanted = result.events_tried * nodes
    text = (
        f"coverage: {what} at {result.events_tried} of {events} events x {nodes} nodes: "
        f"{tried} of {wanted} places tried ({100 * tried / max(wanted, 1):.0f} %)"
    )
    if result.search.every > 1:
        text += f"; with every={result.search.every}, {100 * tried / (events * nodes):.1f} % of all"
    pairs = sum(1 for found in result.found if len(found.places) == 2)
    return text + (f", and {pairs} pairs" if result.search.pairs else "")


def is_complete(result: Result) -> bool:
    """Whether every place that was to be tried has an outcome."""
    if result.search.only:
        return len(result.found) >= len(result.search.only)
    tried = len({found.places for found in result.found if len(found.places) == 1})
    return tried == result.events_tried * len(result.nodes)


def heat_map(result: Result, title: str) -> str:
    """A page with a cell for each event and node; it needs nothing but itself."""
    worst: dict[Place, Found] = {}
    for found in result.found:
        before = worst.get(found.places[0])
        if before is None or found.outcome > before.outcome:
            worst[found.places[0]] = found
    body = "\n".join(_rows(result, worst))
    legend = "".join(_legend(result))
    pairs = "<p>A cell shows the worst of its crash and all later second ones.</p>"
    return f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>
body {{ font: 14px system-ui, sans-serif; margin: 2em; color: #222 }}
svg text {{ font: 11px system-ui, sans-serif; fill: #444 }}
.key {{ display: inline-block; margin-right: 1.5em }}
.key i {{ display: inline-block; width: 1em; height: 1em; margin-right: .4em; vertical-align: -2px;
  border: 1px solid #999 }}
rect:hover {{ stroke: #1565c0; stroke-width: 2 }}
</style>
<h1>{html.escape(title)}</h1>
<p>Each cell is one run: a crash before that event, on that node. Point at a cell to see more.</p>
<p>{html.escape(coverage(result))}</p>{pairs if result.search.pairs else ""}
<p>{legend}</p>
{body}
</html>
"""


def _legend(result: Result) -> Iterator[str]:
    counts = collections.Counter(found.outcome for found in result.found)
    for outcome in Outcome:
        yield (
            f'<span class="key"><i style="background:{_COLOURS[outcome]}"></i>'
            f"{outcome.text}: {counts[outcome]}</span>"
        )


def _rows(result: Result, worst: dict[Place, Found]) -> Iterator[str]:
    """The events, so many to a row; under each other in it, the nodes."""
    lanes = len(result.nodes)
    height = lanes * _CELL_HEIGHT + 22 + _GAP
    rows = range(0, len(result.times), _EVENTS_PER_ROW)
    width = _LEFT + _EVENTS_PER_ROW * _CELL_WIDTH
    yield f'<svg width="{width}" height="{len(rows) * height}" role="img">'
    for row, first in enumerate(rows):
        top = row * height
        events = range(first, min(first + _EVENTS_PER_ROW, len(result.times)))
        label = f"event {first}, {result.times[first]:.6f} s"
        yield f'<text x="{_LEFT}" y="{top + 14}">{label}</text>'
        for lane, node in enumerate(result.nodes):
            y = top + 20 + lane * _CELL_HEIGHT
            yield f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{node}</text>'
            for event in events:
                found = worst.get(Place(event, node))
                if found is not None:
                    x = _LEFT + (event - first) * _CELL_WIDTH
                    yield _cell(found, x, y, result.times[event])
    yield "</svg>"


def _cell(found: Found, x: int, y: int, at: float) -> str:
    where = " and ".join(str(place) for place in found.places)
    detail = f"\n{found.detail[:300]}" if found.detail else ""
    title = f"{where} ({at:.6f} s): {found.outcome.text}{detail}"
    return (
        f'<rect x="{x}" y="{y}" width="{_CELL_WIDTH - 1}" height="{_CELL_HEIGHT - 1}" '
        f'fill="{_COLOURS[found.outcome]}"><title>{html.escape(title)}</title></rect>'
    )


def _label(found: Found) -> tuple[Outcome, str]:
    if found.outcome is Outcome.ERROR:
        return found.outcome, f"{found.outcome.text}: {found.detail}"
    return found.outcome, found.outcome.text


def _examples(result: Result) -> Iterator[Found]:
    shown: collections.Counter[Outcome] = collections.Counter()
    for found in result.found:
        if found.outcome.is_bad and shown[found.outcome] < _EXAMPLES:
            shown[found.outcome] += 1
            yield found
