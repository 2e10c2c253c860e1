# SPDX-License-Identifier: Apache-2.0
"""Runs the workloads under every scheduling policy in simulated clusters of several sizes.

.venv/bin/python bench/scheduler/measure.py                        everything that is not there yet
.venv/bin/python bench/scheduler/measure.py --nodes 100 --workload tree --anew
.venv/bin/python bench/scheduler/measure.py --nodes 10 --tasks-per-cpu 1 --output /tmp/look
"""

from __future__ import annotations

import csv
import itertools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import click

sys.path.append(str(pathlib.Path(__file__).parents[1]))

from results import HUGE, Decisions, Results, Row, decisions_table, draw_decisions

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "build" / "release" / "bin"
WORKLOADS = ("batch", "arrivals", "tree", "data")
POLICIES = ("hybrid", "spread", "random", "power_of_two", "central")
SIZES = (10, 100, 1000, 10_000)
# Where arguments are large it matters whether tasks go where they are.
_WITH_LOCALITY = {"data": ("hybrid+locality", "power_of_two+locality", "central+locality")}
# A huge run takes minutes and gigabytes: one seed, and fewer tasks.
_HUGE_TASKS_PER_CPU = 1
_HUGE_RUNS = tuple(("batch", policy) for policy in POLICIES)
# Names in `core_bench`.
_DECISIONS = {
    "Hybrid": "hybrid",
    "Spread": "spread",
    "Random": "random",
    "PowerOfTwo": "power_of_two",
    "Central": "central",
    "Locality": "hybrid+locality",
}


class Run(NamedTuple):
    """One call of `scheduler_simulation`."""

    workload: str
    policy: str
    nodes: int
    seed: int


def runs_of(
    workloads: tuple[str, ...], policies: tuple[str, ...], sizes: tuple[int, ...], seeds: int
) -> Iterator[Run]:
    """Small clusters first."""
    for nodes, workload in itertools.product(sizes, workloads):
        wanted = [*policies, *_WITH_LOCALITY.get(workload, ())]
        for policy in wanted:
            if nodes >= HUGE and (workload, policy) not in _HUGE_RUNS:
                continue
            for seed in range(1, 2 if nodes >= HUGE else seeds + 1):
                yield Run(workload, policy, nodes, seed)


def simulate(run: Run, tasks_per_cpu: int) -> Row:
    """The row it prints."""
    if run.nodes >= HUGE:
        tasks_per_cpu = _HUGE_TASKS_PER_CPU
    more = [str(tasks_per_cpu)] if tasks_per_cpu > 0 else []
    printed = output_of("scheduler_simulation", *map(str, run), *more)
    return next(csv.DictReader([columns(), *printed.splitlines()]))


def columns() -> str:
    """The header of the rows."""
    return output_of("scheduler_simulation", "--columns").strip()


def output_of(binary: str, *arguments: str) -> str:
    """What a program of the release build prints."""
    command = [str(BINARIES / binary), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def decide() -> Decisions:
    """Decisions of the scheduler's code alone, by policy and number of nodes."""
    options = ("--benchmark_filter=DecideAndDebit", "--benchmark_format=json")
    printed = output_of("core_bench", *options)
    rates: dict[str, dict[int, float]] = {policy: {} for policy in _DECISIONS.values()}
    for one in json.loads(printed)["benchmarks"]:
        _, name, nodes = one["name"].split("/")
        rates[_DECISIONS[name]][int(nodes)] = one["items_per_second"]
    return rates


def read(file: pathlib.Path) -> dict[Run, Row]:
    """What was measured before."""
    if not file.exists():
        return {}
    rows = csv.DictReader(file.read_text().splitlines())
    return {
        Run(row["workload"], row["policy"], int(row["nodes"]), int(row["seed"])): row
        for row in rows
    }


def write(file: pathlib.Path, rows: dict[Run, Row]) -> None:
    """In an order of their own, whenever they were measured."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns().split(","), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[run] for run in sorted(rows, key=_order))


def _order(run: Run) -> tuple[int, str, int, int]:
    return (WORKLOADS.index(run.workload), run.policy, run.nodes, run.seed)


def report(output: pathlib.Path, rows: dict[Run, Row], decisions: Decisions | None) -> None:
    """Writes the table and the charts."""
    results = Results([rows[run] for run in sorted(rows, key=_order)])
    parts = [
        "# Scheduling policies\n",
        "Medians of the runs; `bench/scheduler` says what they are.\n",
    ]
    for workload in results.workloads:
        results.draw(workload, output / f"scheduler-{workload}.png")
        parts.append(f"![](scheduler-{workload}.png)\n")
    parts.append(results.tables())
    if decisions is not None:
        draw_decisions(decisions, output / "scheduler-decisions.png")
        parts.append("## Decisions, million per second\n\n" + decisions_table(decisions))
        parts.append("![](scheduler-decisions.png)\n")
    (output / "scheduler.md").write_text("\n".join(parts))


@click.command(help=__doc__.splitlines()[0])
@click.option("--workload", "workloads", multiple=True, type=click.Choice(WORKLOADS))
@click.option("--policy", "policies", multiple=True, type=click.Choice(POLICIES))
@click.option("--nodes", "sizes", multiple=True, type=click.IntRange(1), help="[10 to 10,000]")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--tasks-per-cpu", default=0, help="[what the workload says]")
@click.option("--anew", is_flag=True, help="Also what is in the results already.")
@click.option("--no-decisions", is_flag=True, help="Without the scheduler's code alone.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    default=ROOT / "bench" / "results",
    help="Where rows, table and charts go.  [bench/results]",
)
def main(
    workloads: tuple[str, ...],
    policies: tuple[str, ...],
    sizes: tuple[int, ...],
    seeds: int,
    tasks_per_cpu: int,
    anew: bool,
    no_decisions: bool,
    output: pathlib.Path,
) -> None:
    """Measures, prints and writes."""
    output.mkdir(parents=True, exist_ok=True)
    file = output / "scheduler.csv"
    rows = read(file)
    wanted = list(runs_of(workloads or WORKLOADS, policies or POLICIES, sizes or SIZES, seeds))
    missing = [run for run in wanted if anew or run not in rows]
    for number, run in enumerate(missing, 1):
        start = time.monotonic()
        rows[run] = simulate(run, tasks_per_cpu)
        write(file, rows)
        seconds = time.monotonic() - start
        click.echo(
            f"{number} of {len(missing)}: {' '.join(map(str, run))}: {seconds:.1f} s", err=True
        )
    decisions = None if no_decisions else decide()
    report(output, rows, decisions)
    click.echo(f"written: {output}/scheduler.csv, .md and -*.png", err=True)


if __name__ == "__main__":
    main()
