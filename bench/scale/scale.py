# SPDX-License-Identifier: Apache-2.0
"""Measures very many tasks, arguments, objects and actors, and what the runtime costs others.

.venv/bin/python bench/scale/scale.py                     everything: some minutes, 10 GB
.venv/bin/python bench/scale/scale.py --rows 'actors|rest'
.venv/bin/python bench/scale/scale.py --share 0.01        a hundredth of each row: a look
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import click

sys.path.append(str(pathlib.Path(__file__).parents[1]))

import costs
import environment
import many
from processes import PeakMemory
from tables import machine_list, rounded, table

_HERE = pathlib.Path(__file__).parent
Figure = dict[str, Any]
_ALL_MEMORY = "memory of all (PSS)"
_PEAK = "memory at the peak (PSS)"


def measure(row: str, size: float) -> list[Figure]:
    """Runs a row in a process of its own, and tells each figure when it is known."""
    command = [sys.executable, _HERE / "measure.py", row, str(size)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    peak = PeakMemory(running.pid)
    figures: list[Figure] = []
    with peak.watch():
        for line in running.stdout:
            if line.startswith('{"of"'):
                figures.append(json.loads(line))
                click.echo(f"    {cell(figures[-1]):>16}  {figures[-1]['of']}", err=True)
        _, errors = running.communicate()
    if running.returncode != 0:
        last = "\n".join(errors.splitlines()[-15:])
        raise click.ClickException(f"{row} ended with exit code {running.returncode}:\n{last}")
    # A short row ends between two looks; with thousands of processes a look takes long.
    told = [figure["figure"] for figure in figures if figure["of"] == _ALL_MEMORY]
    others = [figure for figure in figures if figure["of"] != _ALL_MEMORY]
    return [*others, {"of": _PEAK, "unit": "MB", "figure": max(peak.megabytes, *told)}]


def cell(figure: Figure) -> str:
    """With its unit."""
    return f"{rounded(figure['figure'])} {figure['unit']}"


def report(
    machine: dict[str, str], sizes: dict[str, float], measured: dict[str, list[Figure]]
) -> str:
    """In Markdown: a table of what there were very many of, and one of costs."""
    lines = []
    for row, (_, ray_s, _) in many.ROWS.items():
        if row not in measured:
            continue
        figures = {figure["of"]: cell(figure) for figure in measured[row]}
        own, memory = figures.pop("time"), figures.pop(_PEAK)
        more = "; ".join(f"{of} {value}" for of, value in figures.items())
        lines.append([row, f"{sizes[row]:,}", own, ray_s, memory, more])
    parts = [
        "# Very many of one thing, and what the runtime costs others\n",
        "`bench/scale` says what is done. Ray's times are those it publishes, on 64 cores.\n",
        machine_list(machine),
    ]
    if lines:
        titles = ["row", "count", "time", "Ray's time, s", "memory at the peak", "besides"]
        parts.append(table(titles, lines))
    lines = [
        [row, figure["of"], cell(figure)] for row in costs.ROWS for figure in measured.get(row, [])
    ]
    if lines:
        parts.append(table(["row", "what", "figure"], lines))
    return "\n".join(parts)


@click.command(help=__doc__.splitlines()[0])
@click.option("--rows", default="", metavar="REGEX", help="Rows whose names match.  [all]")
@click.option(
    "--share",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Of each row's size.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    default=_HERE.parent / "results",
    help="Where the table and all figures go.  [bench/results]",
)
def main(rows: str, share: float, output: pathlib.Path) -> None:
    """Measures, prints and writes."""
    # Costs first: thousands of processes leave work behind for the system.
    sizes: dict[str, float] = {name: row.size * share for name, row in costs.ROWS.items()}
    sizes |= {name: max(1, int(row.size * share)) for name, row in many.ROWS.items()}
    wanted = [row for row in sizes if re.search(rows, row)]
    if not wanted:
        raise click.UsageError(f"no row matches {rows!r}; there are: {', '.join(sizes)}")
    machine = environment.machine()
    if share != 1:
        machine["share of each row"] = f"{share:g}"
    measured = {}
    for row in wanted:
        click.echo(f"{row}:", err=True)
        measured[row] = measure(row, sizes[row])
    text = report(machine, sizes, measured)
    click.echo(text)
    output.mkdir(parents=True, exist_ok=True)
    (output / "scale.md").write_text(text)
    (output / "scale.json").write_text(
        json.dumps({"machine": machine, "figures": measured}, indent=1) + "\n"
    )
    click.echo(f"written: {output}/scale.md and .json", err=True)


if __name__ == "__main__":
    main()
