# SPDX-License-Identifier: Apache-2.0
"""Measures how long each failure costs on hosts that are network namespaces: run it as root."""

from __future__ import annotations

import json
import pathlib
import re
import statistics
import sys
import tempfile

import click

_ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "bench"), str(_ROOT / "tests" / "cluster")]

import environment  # noqa: E402
import namespaced_hosts  # noqa: E402
import rows  # noqa: E402
import tables  # noqa: E402

_TITLE = """# From a failure to the recovered result

`bench/recovery` says what is done. Seconds, of {rounds} rounds each, all hosts on this machine:

"""


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--rows", "pattern", default="", metavar="REGEX", help="Only rows that match.")
@click.option(
    "--results",
    default=_ROOT / "bench" / "results",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    help="Where the table and all figures go.  [bench/results]",
)
def main(rounds: int, pattern: str, results: pathlib.Path) -> None:
    """Breaks one thing after the other, and writes how long it took until all was well."""
    if reason := namespaced_hosts.unavailable():
        sys.exit(f"recovery: {reason}")
    machine = environment.machine()
    figures: dict[str, list[rows.Seconds]] = {}
    for name, measure in rows.ROWS.items():
        if not re.search(pattern, name):
            continue
        figures[name] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                figures[name].append(measure(pathlib.Path(folder)))
        for what, median, least, most in _summary(figures[name]):
            print(f"{name}, {what}: {median} ({least} to {most})", flush=True)
    if pattern:
        return
    cells = [
        (name, what, median, least, most)
        for name, found in figures.items()
        for what, median, least, most in _summary(found)
    ]
    table = tables.table(("failure", "until", "median", "least", "most"), cells)
    text = _TITLE.format(rounds=rounds) + tables.machine_list(machine) + "\n" + table
    (results / "recovery.md").write_text(text)
    (results / "recovery.json").write_text(
        json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n"
    )


def _summary(found: list[rows.Seconds]) -> list[tuple[str, str, str, str]]:
    summary = []
    for what in found[0]:
        values = [one[what] for one in found]
        numbers = (statistics.median(values), min(values), max(values))
        median, least, most = (f"{number:.3f}" for number in numbers)
        summary.append((what, median, least, most))
    return summary


if __name__ == "__main__":
    main()
