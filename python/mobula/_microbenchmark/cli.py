# SPDX-License-Identifier: Apache-2.0
"""The command `mobula microbenchmark`."""

from __future__ import annotations

import os
import re
import statistics

import click


class _Pattern(click.ParamType[str]):
    """A regular expression."""

    name = "pattern"

    def convert(self, value: str, parameter: object, context: object) -> str:
        try:
            re.compile(value)
        except re.error as error:
            self.fail(f"expected a regular expression, got {value!r}: {error}")
        return value


@click.command()
@click.argument("pattern", default="", type=_Pattern())
@click.option("--quick", is_flag=True, help="Rounds of 0.5 s: for a look, not for figures.")
def microbenchmark(pattern: str, quick: bool) -> None:
    """Measures the runtime on this host: the rows of `ray microbenchmark` that match PATTERN.

    All rows take about five minutes. A cluster that runs here already is left alone.
    """
    from mobula import alias

    # It would be joined, and measured.
    os.environ.pop("RAY_ADDRESS", None)
    alias.install()
    from mobula._microbenchmark import micro_rows, stopwatch

    click.echo(f"{os.cpu_count()} CPUs, load before: {os.getloadavg()[0]:.1f}")
    click.echo(f"{'row':46} {'per second':>12} {'+-':>7}")
    seconds, rounds = (0.5, 2) if quick else (2.0, 4)
    count = 0
    for name, rates in micro_rows.rates(stopwatch.measure, pattern, seconds, rounds):
        mean, spread = statistics.mean(rates), statistics.pstdev(rates)
        click.echo(f"{name:46} {mean:12,.4g} {spread / mean:7.0%}")
        count += 1
    if not count:
        raise click.UsageError(f"no row has a name that matches {pattern!r}")
