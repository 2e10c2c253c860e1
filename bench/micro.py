# SPDX-License-Identifier: Apache-2.0
"""Measures the runtime on processes of this machine, with the rows of `ray microbenchmark`.

    .venv/bin/python bench/micro.py                 everything, about five minutes
    .venv/bin/python bench/micro.py 'tasks|start'   the rows whose names match
    .venv/bin/python bench/micro.py --quick         rounds of 0.5 s: for a look, not for figures

Beside each figure stands what Ray 2.60 reached on a machine of this kind; see README.md for what
the comparison is worth.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics

import micro_startup
from mobula import alias

# Operations per second of Ray 2.60.0 on two cores.
RAY = {
    "single client get calls": 11077,
    "single client put calls": 1965,
    "multi client put calls": 1397,
    "single client put gigabytes": 1.6,
    "multi client put gigabytes": 6.22,
    "single client tasks and get batch": 1.58,
    "single client get object containing 10k refs": 13.8,
    "single client wait 1k refs": 1.63,
    "single client tasks sync": 578,
    "single client tasks async": 1557,
    "multi client tasks async": 1579,
    "1:1 actor calls sync": 1155,
    "1:1 actor calls async": 4516,
    "1:1 actor calls concurrent": 4942,
    "1:n actor calls async": 4363,
    "n:n actor calls async": 4995,
    "n:n actor calls with arg async": 1628,
    "1:1 async-actor calls sync": 891,
    "1:1 async-actor calls async": 2626,
    "1:1 async-actor calls with args async": 2160,
    "1:n async-actor calls async": 2289,
    "n:n async-actor calls async": 2573,
}


def run(pattern: str, seconds: float, rounds: int) -> None:
    """Prints one line for each row."""
    alias.install()
    from mobula._microbenchmark import micro_rows, stopwatch

    print(f"{'row':46} {'per second':>12} {'+-':>7} {'Ray 2.60':>10} {'ratio':>7}", flush=True)
    for name, rates in micro_rows.rates(stopwatch.measure, pattern, seconds, rounds):
        mean, spread = statistics.mean(rates), statistics.pstdev(rates)
        print(
            f"{name:46} {mean:12,.4g} {spread / mean:7.0%} {RAY[name]:10,} "
            f"{mean / RAY[name]:6.1f}x",
            flush=True,
        )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="", help="of the names of the rows")
    parser.add_argument("--quick", action="store_true", help="shorter rounds")
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, load before: {os.getloadavg()[0]:.1f}")
    seconds, rounds = (0.5, 2) if options.quick else (2.0, 4)
    run(options.pattern, seconds, rounds)
    if re.search(options.pattern, "start-up and memory"):
        micro_startup.report(rounds)


if __name__ == "__main__":
    main()
