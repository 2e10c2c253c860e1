# SPDX-License-Identifier: Apache-2.0
"""Measures mobula, a real Ray and Python's own process pools on this machine, in turns.

.venv/bin/python bench/compare/compare.py                      everything
.venv/bin/python bench/compare/compare.py --rows 'tasks|recovery' --rounds 5
.venv/bin/python bench/compare/compare.py --quick              a look, not figures
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import click

sys.path.append(str(pathlib.Path(__file__).parents[1]))

import environment
from results import Figure, Results

SYSTEMS = ("mobula", "ray", "multiprocessing", "concurrent.futures", "bare echo", "memcpy")
_MEASURE = pathlib.Path(__file__).with_name("measure.py")
_QUICK = {"rounds": 1, "seconds": 0.3}


def measure(python: str, system: str, rows: str, seconds: float) -> Iterator[Figure]:
    """Runs one system once, in a process of its own; what fails is told and left out."""
    # Workers of a real Ray look for the rows where this says.
    paths = os.pathsep.join(map(str, (_MEASURE.parent, _MEASURE.parents[1])))
    ran = subprocess.run(
        [python, _MEASURE, system, rows, str(seconds)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    for line in ran.stdout.splitlines():
        if line.startswith('{"row"'):
            yield json.loads(line)
    if ran.returncode != 0:
        last = "\n".join(ran.stderr.splitlines()[-15:])
        click.echo(f"{system} ended with exit code {ran.returncode}:\n{last}", err=True)


@click.command(help=__doc__.splitlines()[0])
@click.option("--rows", default="", metavar="REGEX", help="Rows whose names match.  [all]")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option(
    "--seconds", default=2.0, show_default=True, type=click.FloatRange(0.05), help="Of each row."
)
@click.option(
    "--system",
    "systems",
    multiple=True,
    type=click.Choice(SYSTEMS),
    help="One to compare; the first is compared with the others.  [all]",
)
@click.option("--ray-version", default="2.60.0", show_default=True)
@click.option("--quick", is_flag=True, help="One short round.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    default=_MEASURE.parents[1] / "results",
    help="Where the table, the chart and all figures go.  [bench/results]",
)
def main(
    rows: str,
    rounds: int,
    seconds: float,
    systems: tuple[str, ...],
    ray_version: str,
    quick: bool,
    output: pathlib.Path,
) -> None:
    """Measures, prints and writes."""
    if quick:
        rounds, seconds = int(_QUICK["rounds"]), _QUICK["seconds"]
    systems = systems or SYSTEMS
    machine = environment.machine()
    pythons = dict.fromkeys(systems, sys.executable)
    if "ray" in systems:
        pythons["ray"] = environment.ray_python(ray_version)
        machine["Ray"] = ray_version
    results = Results(systems)
    raw = []
    for number in range(rounds):
        # Each begins as often as the others: what drifts over time favours none.
        first = number % len(systems)
        for system in (*systems[first:], *systems[:first]):
            click.echo(f"round {number + 1} of {rounds}: {system}", err=True)
            for figure in measure(pythons[system], system, rows, seconds):
                results.add(system, figure)
                raw.append({"system": system, "round": number, **figure})
    results.add_overheads("bare echo")
    if not raw:
        raise click.UsageError(f"no row matches {rows!r}")
    table = results.table(machine, rounds)
    click.echo(table)
    output.mkdir(parents=True, exist_ok=True)
    name = f"compare-{datetime.date.today().isoformat()}"
    (output / f"{name}.md").write_text(f"{table}\n![]({name}.png)\n")
    (output / f"{name}.json").write_text(json.dumps({"machine": machine, "figures": raw}, indent=1))
    if len(systems) > 1:
        results.draw(output / f"{name}.png")
    click.echo(f"written: {output}/{name}.*", err=True)


if __name__ == "__main__":
    main()
