# SPDX-License-Identifier: Apache-2.0
"""The commands `mobula job ...`."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from typing import Any

import click
from rich.console import Console

from mobula._cluster import query, status
from mobula._cluster.cli import access_options, opened

_OUTCOMES = {"SUCCEEDED": 0, "STOPPED": 130}


class _Variable(click.ParamType[Any]):
    """NAME=VALUE."""

    name = "variable"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"expected NAME=VALUE, got {value!r}", parameter, context)
        return name, text


@click.group()
def job() -> None:
    """Runs programs on a cluster that go on when this command, or its host, ends."""


@job.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--job-id", help="[default: a new one]")
@click.option(
    "--working-dir",
    type=click.Path(exists=True, file_okay=False),
    help="A folder whose content the command finds in its own.",
)
@click.option("--env", multiple=True, type=_Variable(), metavar="NAME=VALUE")
@click.option("--no-wait", is_flag=True, help="Return when the command runs.")
@access_options
def submit(
    command: tuple[str, ...],
    job_id: str | None,
    working_dir: str | None,
    env: tuple[tuple[str, str], ...],
    no_wait: bool,
    **where: Any,
) -> None:
    """Runs COMMAND on the head, and shows what it writes: mobula job submit -- python program.py

    This host must have a node of the cluster. The exit status is that of the command.
    """
    from mobula._cluster import jobs

    with opened(**where) as access:
        name = jobs.submit(
            access, command, job=job_id, variables=dict(env), working_dir=working_dir
        )
        click.echo(f"job {name} runs; see `mobula job logs -f {name}`", err=True)
        if no_wait:
            return
        try:
            _follow(access, name)
        except KeyboardInterrupt:
            click.echo(f"\nthe job goes on; `mobula job stop {name}` ends it", err=True)
            sys.exit(130)
        record = jobs.find(access, name)
    click.echo(f"job {name}: {_outcome(record)}", err=True)
    sys.exit(_OUTCOMES.get(record["state"], record.get("exit_code") or 1))


def _follow(access: query.Access, name: str) -> None:
    from mobula._cluster import jobs

    for text in jobs.follow(access, name):
        click.echo(text, nl=False)


def _outcome(record: dict[str, Any]) -> str:
    if message := record.get("message"):
        return f"{record['state']}: {message}"
    if record["state"] == "FAILED":
        return f"FAILED with exit status {record['exit_code']}"
    return str(record["state"])


@job.command("list")
@access_options
def list_jobs(**where: Any) -> None:
    """Lists the jobs of a cluster, the oldest first."""
    from mobula._cluster import jobs

    with opened(**where) as access:
        records = jobs.records(access)
    if not records:
        click.echo("there are no jobs; `mobula job submit` starts one")
        return
    made = status.table("", "Job", "State", "Started", "Took", "Command", right=["Took"])
    for record in records:
        begin, end = record.get("started"), record.get("ended")
        made.add_row(
            record["job"],
            _outcome(record),
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begin)) if begin else "",
            f"{(end or time.time()) - begin:.1f} s" if begin else "",
            shlex.join(record["command"]),
        )
    Console(highlight=False, markup=False).print(made)


@job.command()
@click.argument("job_id")
@click.option("-f", "--follow", is_flag=True, help="Until it ends.")
@access_options
def logs(job_id: str, follow: bool, **where: Any) -> None:
    """Shows what a job has written."""
    from mobula._cluster import jobs

    with opened(**where) as access:
        if follow:
            jobs.find(access, job_id)
            with contextlib.suppress(KeyboardInterrupt):
                _follow(access, job_id)
            return
        for text in jobs.written(access, job_id):
            click.echo(text, nl=False)


@job.command()
@click.argument("job_id")
@access_options
def stop(job_id: str, **where: Any) -> None:
    """Ends a job: it is asked to, and killed after three seconds."""
    from mobula._cluster import jobs

    with opened(**where) as access:
        ended = jobs.stop(access, job_id)
        outcome = _outcome(jobs.find(access, job_id))
    click.echo(f"job {job_id}: {outcome}" if ended else f"job {job_id} has ended before: {outcome}")
