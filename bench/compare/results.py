# SPDX-License-Identifier: Apache-2.0
"""What the rounds came to: medians, ratios, a table and a chart."""

from __future__ import annotations

import pathlib
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tables import machine_list, pyplot, rounded, table

# A line of `measure.py`.
Figure = Mapping[str, object]
# Of these, less is better.
_COSTS = ("s", "us", "MB", "count", "% of a core")
_OVERHEAD = "added to a call: {}"


class Results:
    """All figures, by row and system."""

    def __init__(self, systems: Sequence[str]) -> None:
        """The first system is the one that others are compared with."""
        self.systems = systems
        self.units: dict[str, str] = {}
        self._figures: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, system: str, figure: Figure) -> None:
        """One figure of one round."""
        row = str(figure["row"])
        self.units[row] = str(figure["unit"])
        self._figures[row, system].append(float(str(figure["figure"])))

    def add_overheads(self, floor: str) -> None:
        """Rows of their own: what each system adds to a call, where there is one with nothing.

        Of each row that the floor has, the time of a call less the median of the floor's.
        """
        for row in [row for row, system in self._figures if system == floor]:
            least = 1e6 / statistics.median(self._figures[row, floor])
            for system in self.systems:
                if system == floor:
                    continue
                for rate in self._figures.get((row, system), []):
                    figure = 1e6 / rate - least
                    self.add(system, {"row": _OVERHEAD.format(row), "unit": "us", "figure": figure})

    def median(self, row: str, system: str) -> float | None:
        """Of the rounds; None where the system has no such row."""
        figures = self._figures.get((row, system))
        return statistics.median(figures) if figures else None

    def spread(self, row: str, system: str) -> float:
        """How far the rounds lie apart, relative to their median."""
        figures = self._figures[row, system]
        return (max(figures) - min(figures)) / (abs(statistics.median(figures)) or 1)

    def advantage(self, row: str, system: str) -> float | None:
        """How many times better the first system is: above 1 it is faster, or needs less."""
        own, other = self.median(row, self.systems[0]), self.median(row, system)
        # What costs less than the least that a call takes is not so many times less.
        if not own or not other or own < 0 or other < 0:
            return None
        return other / own if self.units[row] in _COSTS else own / other

    def table(self, machine: Mapping[str, str], rounds: int) -> str:
        """In Markdown."""
        others = self.systems[1:]
        titles = ["row", "", *self.systems, *(f"{self.systems[0]} : {other}" for other in others)]
        lines = []
        for row, unit in self.units.items():
            cells = [self._cell(row, system) for system in self.systems]
            ratios = [_ratio(self.advantage(row, other)) for other in others]
            lines.append([row, unit, *cells, *ratios])
        return (
            f"Medians of {rounds} rounds; beside each, how far the rounds lie apart. The last "
            f"columns say how many times faster {self.systems[0]} is, or how many times less it "
            f"needs.\n\n{machine_list(machine)}\n{table(titles, lines)}"
        )

    def draw(self, file: pathlib.Path) -> None:
        """The advantages as bars, on a logarithmic scale."""
        plot = pyplot()
        others = self.systems[1:]
        rows = [row for row in self.units if any(self.advantage(row, one) for one in others)]
        figure, axes = plot.subplots(figsize=(9, 1 + 0.36 * len(rows)), layout="constrained")
        height = 0.8 / len(others)
        for number, other in enumerate(others):
            placed = [(i, self.advantage(row, other)) for i, row in enumerate(rows)]
            bars = axes.barh(
                [i + (number + 0.5) * height - 0.4 for i, ratio in placed if ratio],
                # From 1 on, so that a bar to the left is a disadvantage.
                [ratio - 1 for _, ratio in placed if ratio],
                height,
                left=1,
                label=f"than {other}",
            )
            labels = [f" {_ratio(ratio)} " for _, ratio in placed if ratio]
            axes.bar_label(bars, labels, fontsize=7)
        axes.set_xscale("log")
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.invert_yaxis()
        axes.margins(x=0.12, y=0.01)
        axes.set_xlabel(f"{self.systems[0]}: so many times faster, or so many times less needed")
        axes.legend(loc="best", fontsize=8)
        figure.savefig(file, dpi=150)
        plot.close(figure)

    def _cell(self, row: str, system: str) -> str:
        median = self.median(row, system)
        if median is None:
            return ""
        if len(self._figures[row, system]) == 1:
            return rounded(median)
        return f"{rounded(median)} ±{self.spread(row, system) / 2:.0%}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{rounded(ratio)}x"
