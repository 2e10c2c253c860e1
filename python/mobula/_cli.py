# SPDX-License-Identifier: Apache-2.0
"""The command `mobula`."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from mobula._sim_options import SimOptions, parse_costs, parse_span

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


class _Place(click.ParamType[Any]):
    """A place for a crash, such as 120:n2."""

    name = "place"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        event, colon, node = str(value).partition(":")
        if not (event.isdigit() and colon and node):
            self.fail(f"expected a place such as 120:n2, got '{value}'", parameter, context)
        return event, node


# Commands that are loaded when they are named: where they are, and the line that `mobula --help`
# has of them.
LAZY_COMMANDS = {
    "up": (
        "mobula._launch.cli:up",
        "Starts the cluster that FILE describes on its hosts, anew where it runs.",
    ),
    "down": (
        "mobula._launch.cli:down",
        "Stops the cluster that FILE describes.",
    ),
    "exec": (
        "mobula._launch.cli:execute",
        "Runs COMMAND on the head of the cluster that FILE describes; exits as it does.",
    ),
    "submit": (
        "mobula._launch.cli:submit",
        "Runs PROGRAM as a job on the cluster that FILE describes, and shows what it writes.",
    ),
    "doctor": (
        "mobula._cluster.doctor_cli:doctor",
        "Checks whether this host can be a node, and says what to do where it cannot.",
    ),
    "job": (
        "mobula._cluster.job_cli:job",
        "Runs programs on a cluster that go on when this command, or its host, ends.",
    ),
    "list": (
        "mobula._cluster.look_cli:list_things",
        "Lists what there is in a cluster.",
    ),
    "logs": (
        "mobula._cluster.look_cli:show_logs",
        "Shows the end of a log FILE of a node, or which there are.",
    ),
    "memory": (
        "mobula._cluster.look_cli:memory",
        "Shows what lies in the object stores: how much on each node, which objects, and whose.",
    ),
    "microbenchmark": (
        "mobula._microbenchmark.cli:microbenchmark",
        "Measures the runtime on this host: the rows of `ray microbenchmark` that match PATTERN.",
    ),
    "start": (
        "mobula._cluster.cli:start",
        "Starts this host's node, in the background: with --head or --address.",
    ),
    "status": (
        "mobula._cluster.cli:show_status",
        "Shows the nodes, resources and waiting tasks of a cluster.",
    ),
    "stop": (
        "mobula._cluster.cli:stop",
        "Ends the nodes that `mobula start` has started on this host.",
    ),
    "timeline": (
        "mobula._cluster.look_cli:timeline",
        "Writes when the last tasks of each process waited and ran, for ui.perfetto.dev, to FILE.",
    ),
    "tls": (
        "mobula._cluster.tls_cli:tls",
        "Makes certificates, by which the hosts of a cluster know each other.",
    ),
    "trace": (
        "mobula._trace.cli:trace",
        "Shows and compares recorded runs.",
    ),
}


class _Lazily(click.Group):
    """A group that loads a command only when it is the one."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *LAZY_COMMANDS})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in LAZY_COMMANDS:
            return super().get_command(context, name)
        module, _, member = LAZY_COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), member)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(context):
            if name in LAZY_COMMANDS:
                rows.append((name, LAZY_COMMANDS[name][1]))
            elif command := super().get_command(context, name):
                rows.append((name, command.get_short_help_str(HELP_WIDTH)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


# Of what `mobula --help` says of one command.
HELP_WIDTH = 90


@click.group(cls=_Lazily, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mobula", prog_name="mobula")
def cli() -> None:
    """Runs Ray programs: on processes of this machine, on clusters, or in a simulator."""


_LABEL = click.option(
    "--label",
    multiple=True,
    metavar="NODE:KEY=VALUE",
    help="A label of a node, which fault plans can select it by: n2:rack=r1.",
)


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
@_LABEL
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

    given = {name: value for name, value in options.items() if value not in (None, ())}
    try:
        code = _run_main.run(program, arguments, trace_html, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(code)


# Of every command that simulates.
_WORLD_OPTIONS = (
    click.argument("program", type=_PROGRAM),
    click.argument("arguments", nargs=-1, type=click.UNPROCESSED),
    click.option("--nodes", default=1, show_default=True, type=click.IntRange(1), help="How many."),
    click.option(
        "--cpus", default=4.0, show_default=True, type=click.FloatRange(0), help="Of each node."
    ),
    _LABEL,
    click.option("--gpus", default=0.0, type=click.FloatRange(0), help="Of each node."),
    click.option(
        "--object-store-memory",
        type=click.IntRange(1),
        help="Of each node, in bytes.",
        metavar="BYTES",
    ),
    click.option(
        "--seed",
        default=0,
        show_default=True,
        type=click.IntRange(0, 2**64 - 1),
        help="The same seed gives the same run.",
    ),
    click.option(
        "--crash",
        multiple=True,
        metavar="NODE@TIME[+TIME]",
        help="A node dies then, and comes back after the second time if there is one: n2@0.5s+2s.",
    ),
    click.option(
        "--crash-worker",
        multiple=True,
        metavar="NODE@TIME",
        help="A worker process of the node dies then.",
    ),
    click.option(
        "--restart", multiple=True, metavar="NODE@TIME", help="A crashed node comes back."
    ),
    click.option(
        "--faults",
        multiple=True,
        type=_PROGRAM,
        metavar="PLAN",
        help="A fault plan: JSON when its name ends in .json, else text.",
    ),
    click.option(
        "--trace", default="", metavar="FILE", help="Write every event there, as JSON lines."
    ),
    click.option(
        "--trace-html", default="", metavar="FILE", help="Write the run there as a page to look at."
    ),
    click.option(
        "--hashes",
        default="",
        metavar="FILE",
        help="Write the running hash after every event there, for `mobula trace diff`.",
    ),
    click.option("--latency", type=_Span(), help="From node to node.  [default: 100us]"),
    click.option(
        "--cost",
        multiple=True,
        type=_Span(named=True),
        metavar="[NAME=]TIME",
        help="Virtual time that tasks, or those of one name, take besides their sleeps.",
    ),
    click.option("--check-invariants", is_flag=True, help="Check the runtime after every event."),
    click.option(
        "--watchdog",
        "watchdog_s",
        default=30.0,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="Real time after which a program that never waits is reported.",
    ),
)


def _world_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_WORLD_OPTIONS):
        command = option(command)
    return command


def _sim_options(crash_worker: tuple[str, ...], options: dict[str, Any]) -> SimOptions:
    crash = [*options.pop("crash"), *(f"worker:{text}" for text in crash_worker)]
    return SimOptions(crash=crash, **options)


class _SimCommand(click.Command):
    """`mobula sim`, and the commands behind it."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args[:1] == ["explore"]:
            return explore.make_context(f"{info_name} explore", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@cli.command(cls=_SimCommand)
@_world_options
def sim(
    program: str, arguments: tuple[str, ...], crash_worker: tuple[str, ...], **options: Any
) -> None:
    """Runs PROGRAM in the simulator: nodes n1, n2, ..., the program on n1, time virtual.

    Its own arguments follow `--`. The report of what was lost and executed again comes on
    standard error, with the hash over all events as the last line.

    `mobula sim explore PROGRAM` places a crash at every event of a program; see its --help.
    """
    from mobula import _sim_launch

    _sim_launch.fix_process()
    from mobula import _sim_main

    try:
        code = _sim_main.simulate(program, arguments, _sim_options(crash_worker, options))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    # What is still suspended must not be unwound by the interpreter's own end.
    os._exit(code)


@click.command()
@_world_options
@click.option(
    "--kill-every-event",
    is_flag=True,
    help="Place one crash of each node, except the head, before each event: the default.",
)
@click.option("--workers", is_flag=True, help="Crash a worker process of each node instead.")
@click.option("--pairs", is_flag=True, help="Besides, place every later second crash.")
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    metavar="K",
    help="Take each K-th event only.",
)
@click.option(
    "--only",
    multiple=True,
    type=_Place(),
    metavar="EVENT:NODE",
    help="Try this place only; with --trace, see what happens there.",
)
@click.option(
    "--jobs",
    default=os.cpu_count() or 1,
    show_default="CPUs",
    type=click.IntRange(1),
    help="Runs at one time.",
)
@click.option(
    "--limit",
    "limit_s",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Virtual time after the crash after which a run counts as a hang.",
)
@click.option(
    "--map", "map_file", default="", metavar="FILE", help="Write a heat map there, a web page."
)
def explore(
    program: str,
    arguments: tuple[str, ...],
    crash_worker: tuple[str, ...],
    kill_every_event: bool,
    map_file: str,
    **options: Any,
) -> None:
    """Runs PROGRAM once for each of its events and nodes, with a crash of that node before it.

    Compares what the program prints, and its exit code, with a run without faults. Ends with 1 if
    a run gave another answer, did not end, or violated an invariant of the runtime. The program
    should print only what does not depend on timing; output of workers does not count.
    """
    from mobula import _sim_launch

    _sim_launch.fix_process()
    from mobula import _explore, _explore_main

    names = [field.name for field in dataclasses.fields(_explore.Search)]
    search = {name: options.pop(name) for name in names}
    search["only"] = tuple(_explore.Place(int(event), node) for event, node in search["only"])
    try:
        code = _explore_main.explore(
            program,
            arguments,
            _sim_options(crash_worker, options),
            _explore.Search(**search),
            map_file,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    """Runs the command line."""
    cli(prog_name="mobula")
