# SPDX-License-Identifier: Apache-2.0
"""What the runs came to: a table and charts."""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tables import pyplot, table

# A row of `scheduler_simulation`, by column.
Row = Mapping[str, str]
# A policy's decisions per second, by the number of nodes.
Decisions = Mapping[str, Mapping[int, float]]


class Measure(NamedTuple):
    """A figure of a run, as people read it."""

    title: str
    columns: tuple[str, ...]
    digits: int = 2
    is_log: bool = False

    def of(self, rows: Iterable[Row]) -> float:
        """The median; of a quotient when there are two columns."""
        values = []
        for row in rows:
            first, *rest = (float(row[column]) for column in self.columns)
            values.append(first / rest[0] if rest else first)
        return statistics.median(values)


MEASURES = (
    Measure("makespan, s", ("makespan_s",)),
    Measure("utilisation", ("utilisation",)),
    Measure("wait p50, ms", ("wait_p50_ms",), 1, is_log=True),
    Measure("wait p99, ms", ("wait_p99_ms",), 1, is_log=True),
    Measure("spillbacks per task", ("spillbacks", "tasks")),
    Measure("messages per task", ("messages_per_task",), 1),
)
_TASKS = Measure("tasks", ("tasks",), 0)
# Besides, where objects move.
_MOVED = Measure("moved, MB per task", ("moved_mb", "tasks"), 3)
# Clusters of so many nodes get less work for each.
HUGE = 10_000
_LOCALITY = "+locality"
# Each has its colour and marker; with locality, a dashed line.
_LOOKS = ("hybrid", "spread", "random", "power_of_two", "central")


class Results:
    """All rows, by workload, policy and number of nodes."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: dict[tuple[str, str, int], list[Row]] = {}
        for row in rows:
            key = (row["workload"], row["policy"], int(row["nodes"]))
            self._rows.setdefault(key, []).append(row)
        self.workloads = list(dict.fromkeys(workload for workload, _, _ in self._rows))
        self.policies = list(dict.fromkeys(policy for _, policy, _ in self._rows))

    def sizes(self, workload: str, policy: str) -> list[int]:
        """The numbers of nodes of which there are runs with the usual load."""
        return sorted(
            size for *key, size in self._rows if key == [workload, policy] and size < HUGE
        )

    def figure(self, measure: Measure, workload: str, policy: str, nodes: int) -> float:
        """The median of the seeds."""
        return measure.of(self._rows[workload, policy, nodes])

    def tables(self) -> str:
        """In Markdown: one for each workload."""
        parts = []
        for workload in self.workloads:
            measures = (_TASKS, *self._measures(workload))
            titles = ["nodes", "policy", "runs", *(measure.title for measure in measures)]
            lines = []
            for nodes in sorted({size for name, _, size in self._rows if name == workload}):
                for policy in self.policies:
                    rows = self._rows.get((workload, policy, nodes))
                    if rows is None:
                        continue
                    cells = [f"{one.of(rows):,.{one.digits}f}" for one in measures]
                    lines.append([f"{nodes:,}", policy, str(len(rows)), *cells])
            parts.append(f"## {workload}\n\n{table(titles, lines)}")
        return "\n".join(parts)

    def draw(self, workload: str, file: pathlib.Path) -> None:
        """A chart for each measure, a line for each policy."""
        measures = self._measures(workload)
        width = (len(measures) + 1) // 2
        figure, grid = pyplot().subplots(
            2, width, figsize=(3.6 * width, 6.4), layout="constrained", squeeze=False
        )
        for measure, axes in zip(measures, grid.flat, strict=False):
            for policy in self.policies:
                sizes = self.sizes(workload, policy)
                if not sizes:
                    continue
                figures = [self.figure(measure, workload, policy, size) for size in sizes]
                _draw_line(axes, policy, sizes, figures)
            _finish(axes, measure.title, measure.is_log)
        for axes in grid.flat[len(measures) :]:
            axes.axis("off")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9)
        figure.suptitle(f"{workload}: by the number of nodes")
        figure.savefig(file, dpi=120)
        pyplot().close(figure)

    def _measures(self, workload: str) -> tuple[Measure, ...]:
        moves = any(
            float(row["moved_mb"]) > 0
            for (name, *_), rows in self._rows.items()
            if name == workload
            for row in rows
        )
        return (*MEASURES, _MOVED) if moves else MEASURES


def decisions_table(decisions: Decisions) -> str:
    """In Markdown."""
    sizes = sorted({size for by_size in decisions.values() for size in by_size})
    titles = ["policy", *(f"{size:,} nodes" for size in sizes)]
    lines = []
    for policy, by_size in decisions.items():
        cells = [f"{by_size[size] / 1e6:.2f}" if size in by_size else "" for size in sizes]
        lines.append([policy, *cells])
    return table(titles, lines)


def draw_decisions(decisions: Decisions, file: pathlib.Path) -> None:
    """One chart."""
    figure, axes = pyplot().subplots(figsize=(6, 4), layout="constrained")
    for policy, by_size in decisions.items():
        _draw_line(axes, policy, list(by_size), [rate / 1e6 for rate in by_size.values()])
    _finish(axes, "million decisions per second and core, by the number of nodes")
    axes.axhline(0.1, color="black", linewidth=0.8, linestyle=":")
    axes.annotate("aim", (10, 0.1), textcoords="offset points", xytext=(0, 3), fontsize=8)
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=120)
    pyplot().close(figure)


def _draw_line(axes: Any, policy: str, sizes: Sequence[int], figures: Sequence[float]) -> None:
    number = _LOOKS.index(policy.removesuffix(_LOCALITY))
    axes.plot(
        sizes,
        figures,
        color=f"C{number}",
        linestyle="--" if policy.endswith(_LOCALITY) else "-",
        marker="os^vd"[number],
        markersize=4,
        label=policy,
    )


def _finish(axes: Any, title: str, is_log: bool = False) -> None:
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    if is_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,g}")
        from matplotlib.ticker import LogFormatter

        # Labels between the powers of ten only where there is hardly one of these.
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
        axes.tick_params(axis="y", which="minor", labelsize=7)
    else:
        axes.set_ylim(bottom=0)
