# SPDX-License-Identifier: Apache-2.0
"""Measures one row; `scale.py` runs this, as the tests do.

    measure.py ROW SIZE

prints a JSON object a line: a figure, its unit, and what it is of. SIZE is a count, or seconds.
The memory of all is told at the end, and by a row that knows when it is at the peak.
"""

from __future__ import annotations

import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1]))

import costs
import many
import mobula as ray
import processes


def tell(what: str, unit: str, figure: float) -> None:
    """As a line of its own."""
    print(json.dumps({"of": what, "unit": unit, "figure": figure}), flush=True)


def main() -> None:
    """Reads the command line."""
    row, size = sys.argv[1], float(sys.argv[2])
    if row in many.ROWS:
        ray.init(num_cpus=2)
        # Without what comes first only once.
        ray.get(many.nothing.remote())
        figures = many.ROWS[row].run(int(size))
    else:
        figures = costs.ROWS[row].run(size)
    for what, unit, figure in figures:
        tell(what, unit, figure)
    tell("memory of all (PSS)", "MB", processes.proportional(processes.family()))
    ray.shutdown()


if __name__ == "__main__":
    main()
