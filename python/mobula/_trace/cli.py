# SPDX-License-Identifier: Apache-2.0
"""The commands `mobula trace ...`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mobula._trace import diff, page, perfetto, read

_TRACE = click.Path(exists=True)
_FILE = click.Path(exists=True, dir_okay=False)


@contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except (read.TraceError, OSError) as error:
        raise click.UsageError(str(error)) from error


@click.group()
def trace() -> None:
    """Shows and compares recorded runs.

    A TRACE is the file of `mobula sim --trace FILE`, or the folder that the processes of a real run
    wrote because MOBULA_TRACE_DIR named it.
    """


@trace.command()
@click.argument("recording", metavar="TRACE", type=_TRACE)
@click.option("-o", "--output", required=True, metavar="FILE", help="The page to write.")
def view(recording: str, output: str) -> None:
    """Writes TRACE as one HTML page, which needs no server and no network."""
    with _usage_errors():
        write_page(recording, output, os.path.basename(os.path.normpath(recording)))


@trace.command("perfetto")
@click.argument("recording", metavar="TRACE", type=_TRACE)
@click.option("-o", "--output", required=True, metavar="FILE", help="The JSON file to write.")
def export(recording: str, output: str) -> None:
    """Writes TRACE for ui.perfetto.dev and chrome://tracing."""
    with _usage_errors():
        perfetto.write(read.load(recording), output)


@trace.command("diff")
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
def compare(first: str, second: str) -> None:
    """Finds the first event in which two simulations differ.

    FIRST and SECOND are files of `mobula sim --trace` or `--hashes`. The exit status is 1 when they
    differ.
    """
    with _usage_errors():
        difference = diff.find(first, second)
    if difference is None:
        click.echo("the runs are equal")
        return
    click.echo(diff.describe(difference, first, second))
    sys.exit(1)


def write_page(recording: str, output: str, title: str) -> None:
    """Writes the page of a recorded run.

    Raises:
        TraceError: It is not a trace.
        OSError: A file cannot be read or written.
    """
    page.write(read.load(recording), output, title)
