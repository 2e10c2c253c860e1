# SPDX-License-Identifier: Apache-2.0
"""The commands `mobula up`, `down`, `exec` and `submit`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from mobula._launch.cluster_file import ClusterFile, ClusterFileError
from mobula._launch.hosts import HostError
from mobula._launch.launcher import Launcher

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False))
_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@contextlib.contextmanager
def _launcher(file: str) -> Iterator[Launcher]:
    try:
        yield Launcher(ClusterFile.load(file), click.echo)
    except ClusterFileError as error:
        raise click.UsageError(str(error)) from error
    except (HostError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@_FILE
def up(file: str) -> None:
    """Starts the cluster that FILE describes on its hosts, anew where it runs."""
    with _launcher(file) as launcher:
        address = launcher.up()
    click.echo(f"The cluster runs at {address}.")
    click.echo(f"  mobula exec {file} -- mobula status")
    click.echo(f"  mobula submit {file} program.py")
    click.echo(f"  mobula down {file}")


@click.command()
@_FILE
def down(file: str) -> None:
    """Stops the cluster that FILE describes."""
    with _launcher(file) as launcher:
        launcher.down()


@click.command("exec", context_settings=_PASSED_ON)
@_FILE
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(file: str, command: tuple[str, ...]) -> None:
    """Runs COMMAND on the head of the cluster that FILE describes; exits as it does."""
    with _launcher(file) as launcher:
        code = launcher.run(command)
    sys.exit(code)


@click.command(context_settings=_PASSED_ON)
@_FILE
@click.argument("program", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def submit(file: str, program: str, arguments: tuple[str, ...]) -> None:
    """Runs PROGRAM as a job on the cluster that FILE describes, and shows what it writes.

    The job goes on when this command ends. Programs of several files: `mobula job submit`.
    """
    with _launcher(file) as launcher:
        code = launcher.submit(program, arguments)
    sys.exit(code)
