# SPDX-License-Identifier: Apache-2.0
"""`mobula sim explore` from its options to its exit code."""

from __future__ import annotations

import dataclasses
import pathlib
import shlex
import sys
from collections.abc import Sequence

# The virtual world replaces it in its module.
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mobula import _explore_report
from mobula._explore import Explorer, Search
from mobula._sim_options import SimOptions
from mobula._trace.recording import Recording

_REFRESH_S = 0.1


def explore(
    program: str, arguments: Sequence[str], options: SimOptions, search: Search, map_file: str
) -> int:
    """Searches, reports, writes the heat map; returns 1 if any run went as none may.

    Raises:
        ValueError: An option is wrong.
        RuntimeError: The program fails without any fault.
    """
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    progress = Progress(
        TextColumn("exploring"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        # It would refresh itself on a thread, and forks must not lose one.
        auto_refresh=False,
        get_time=monotonic,
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = progress.add_task("exploring", total=None)
    refreshed = started = monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal refreshed
        if monotonic() - refreshed >= _REFRESH_S:
            refreshed = monotonic()
            progress.update(task, completed=done, total=total)
            progress.refresh()

    streams = sys.stdout, sys.stderr
    recording = Recording(options.trace, options.trace_html, pathlib.Path(program).name)
    options = dataclasses.replace(options, trace=recording.path)
    try:
        explorer = Explorer(program, arguments, options, search)
        with progress:
            result = explorer.run(tell)
    finally:
        # The program's own are kept for comparing.
        sys.stdout, sys.stderr = streams
    recording.finish()
    _explore_report.print_result(result, console)
    console.print(f"{len(result.found)} runs in {monotonic() - started:.1f} s")
    bad = [found for found in result.found if found.outcome.is_bad]
    if bad and not search.only:
        words = sys.orig_argv[sys.orig_argv.index("explore") + 1 :]
        again = ["--only", str(bad[0].places[0]), "--trace-html", "run.html", *words]
        console.print(f"see one again: mobula sim explore {shlex.join(again)}", highlight=False)
    if map_file:
        title = f"{pathlib.Path(program).name}: {options.nodes} nodes, seed {options.seed}"
        pathlib.Path(map_file).write_text(_explore_report.heat_map(result, title), encoding="utf-8")
        console.print(f"heat map: {map_file}", highlight=False)
    return 1 if bad or not _explore_report.is_complete(result) else 0
