# SPDX-License-Identifier: Apache-2.0
"""The command `mobula`."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from mobula._sim_options import SimOptions, parse_costs, parse_span
from mobula._trace.cli import trace

_PROGRAM = click.Path(exists=True, dir_okay=False)


class _Span(click.ParamType[Any]):
    """A time such as 0.5s, 20ms or 50us; with `named`, also name=time."""

    name = "time"

    def __init__(self, *, named: bool = False) -> None:
        self._named = named

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        try:
            parse_costs([value]) if self._named else parse_span(value)
        except ValueError as error:
            self.fail(str(error), parameter, context)
        return value


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mobula", prog_name="mobula")
def cli() -> None:
    """Runs Ray programs: on processes of this machine, or in a deterministic simulator."""


class _Run(click.Command):
    """Options behind the program are its own, unless one of them asks for a cluster."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
        names = {argument.partition("=")[0] for argument in ours}
        context.allow_interspersed_args = bool(names & {"--nodes", "--faults"})
        return super().parse_args(context, arguments)


@cli.command(cls=_Run, context_settings={"ignore_unknown_options": True})
@click.argument("program", type=_PROGRAM)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--nodes", type=click.IntRange(1), help="Start n1, n2, ... on this machine.")
@click.option("--cpus", type=click.FloatRange(0), help="Of each node.  [default: 4]")
@click.option("--gpus", type=click.FloatRange(0), help="Of each node.")
@click.option(
    "--object-store-memory", type=click.IntRange(1), help="Of each node, in bytes.", metavar="BYTES"
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Execute this fault plan on the nodes, and report on standard error.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), help="Of what the plan leaves to chance."
)
@click.option(
    "--trace-html", default="", metavar="FILE", help="Write the run there as a page to look at."
)
def run(program: str, arguments: tuple[str, ...], trace_html: str, **options: Any) -> None:
    """Runs PROGRAM with its ARGUMENTS on the real runtime; `import ray` gives it mobula.

    With --nodes or --faults it runs on n1 of a cluster that is started for it, and its own
    arguments follow `--`.
    """
    from mobula import _run_main

    given = {name: value for name, value in options.items() if value is not None}

    try:
        code = _run_main.run(program, arguments, trace_html, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(code)


@cli.command()
@click.argument("program", type=_PROGRAM)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--nodes", default=1, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--cpus", default=4.0, show_default=True, type=click.FloatRange(0), help="Of each node."
)
@click.option("--gpus", default=0.0, type=click.FloatRange(0), help="Of each node.")
@click.option(
    "--object-store-memory", type=click.IntRange(1), help="Of each node, in bytes.", metavar="BYTES"
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**64 - 1),
    help="The same seed gives the same run.",
)
@click.option(
    "--crash",
    multiple=True,
    metavar="NODE@TIME[+TIME]",
    help="A node dies then, and comes back after the second time if there is one: n2@0.5s+2s.",
)
@click.option(
    "--crash-worker",
    multiple=True,
    metavar="NODE@TIME",
    help="A worker process of the node dies then.",
)
@click.option("--restart", multiple=True, metavar="NODE@TIME", help="A crashed node comes back.")
@click.option("--trace", default="", metavar="FILE", help="Write every event there, as JSON lines.")
@click.option(
    "--trace-html", default="", metavar="FILE", help="Write the run there as a page to look at."
)
@click.option(
    "--hashes",
    default="",
    metavar="FILE",
    help="Write the running hash after every event there, for `mobula trace diff`.",
)
@click.option("--latency", type=_Span(), help="From node to node.  [default: 100us]")
@click.option(
    "--cost",
    multiple=True,
    type=_Span(named=True),
    metavar="[NAME=]TIME",
    help="Virtual time that tasks, or those of one name, take besides their sleeps.",
)
@click.option("--check-invariants", is_flag=True, help="Check the runtime after every event.")
@click.option(
    "--watchdog",
    "watchdog_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Real time after which a program that never waits is reported.",
)
def sim(
    program: str, arguments: tuple[str, ...], crash_worker: tuple[str, ...], **options: Any
) -> None:
    """Runs PROGRAM in the simulator: nodes n1, n2, ..., the program on n1, time virtual.

    Its own arguments follow `--`. The report of what was lost and executed again comes on
    standard error, with the hash over all events as the last line.
    """
    from mobula import _sim_launch

    _sim_launch.fix_process()
    from mobula import _sim_main

    options["crash"] = [*options["crash"], *(f"worker:{text}" for text in crash_worker)]
    try:
        code = _sim_main.simulate(program, arguments, SimOptions(**options))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    # What is still suspended must not be unwound by the interpreter's own end.
    os._exit(code)


cli.add_command(trace)


def main() -> None:
    """Runs the command line."""
    cli(prog_name="mobula")
