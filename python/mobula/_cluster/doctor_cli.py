# SPDX-License-Identifier: Apache-2.0
"""The command `mobula doctor`."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from mobula._cluster.cli import access_options

_MARKS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}


@click.command()
@access_options
def doctor(address: str | None, token_file: str | None, tls_dir: str | None) -> None:
    """Checks whether this host can be a node, and says what to do where it cannot.

    With --address also whether it reaches that cluster. The exit status is 1 when something is bad;
    notes may be meant so.
    """
    from mobula._cluster.doctor import examine

    console = Console(highlight=False, soft_wrap=True)
    failed = False
    for finding in examine(address, token_file, tls_dir):
        console.print(f"{_MARKS[finding.state]} {finding.what}")
        if finding.advice:
            console.print(f"     -> {finding.advice}")
        failed = failed or finding.state == "bad"
    if failed:
        sys.exit(1)
