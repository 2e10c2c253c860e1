# SPDX-License-Identifier: Apache-2.0
"""Measures one system once; `compare.py` runs this with the interpreter that has the system.

    measure.py SYSTEM ROWS SECONDS

prints a JSON object a line: the row, its figure, and what the figure counts.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

_HERE = pathlib.Path(__file__)
# The rows come as plain modules: with a real Ray there is no mobula.
_ROWS = _HERE.parents[2] / "python" / "mobula" / "_microbenchmark"
sys.path[:0] = [str(_HERE.parents[1]), str(_HERE.parent), str(_ROWS)]


def tell(row: str, unit: str, figure: float) -> None:
    """One line of the output."""
    print(json.dumps({"row": row, "unit": unit, "figure": figure}), flush=True)


def measure_ray(module: str, pattern: str, seconds: float) -> None:
    """Ray, and what speaks as Ray."""
    if module == "mobula":
        from mobula import alias

        alias.install()
    import micro_rows
    import micro_startup
    import recovery
    import stopwatch

    for name, rates in micro_rows.rates(stopwatch.measure, pattern, seconds, rounds=1):
        tell(name, "/s", rates[0])
    for name, run in recovery.ROWS.items():
        if re.search(pattern, name):
            tell(name, "s", run())
    if re.search(pattern, "start-up and memory"):
        for name, figure in micro_startup.run(sys.executable, module).items():
            what, _, unit = name.partition(", ")
            tell(what, unit or "count", figure)


def measure_library(system: str, pattern: str, seconds: float) -> None:
    """Python's own process pools and queues."""
    import library_rows

    with library_rows.ROWS[system]() as rows:
        for name, factor, call in rows:
            if re.search(pattern, name):
                (rate,) = library_rows.measure(call, seconds, 1)
                tell(name, "/s", rate * factor)


def main() -> None:
    """Reads the command line."""
    system, pattern, seconds = sys.argv[1:]
    if system in ("mobula", "ray"):
        measure_ray(system, pattern, float(seconds))
    else:
        measure_library(system, pattern, float(seconds))


if __name__ == "__main__":
    main()
