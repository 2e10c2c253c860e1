# SPDX-License-Identifier: Apache-2.0
"""What every benchmark's report needs: a table in Markdown, and where charts are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def machine_list(machine: Mapping[str, str]) -> str:
    """Where the figures were measured, in Markdown."""
    return "".join(f"- {name}: {value}\n" for name, value in machine.items())


def rounded(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def pyplot() -> Any:
    """Of matplotlib, without a screen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
