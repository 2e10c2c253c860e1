# SPDX-License-Identifier: Apache-2.0
"""The commands `mobula tls ...`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import click

_DAYS = click.option(
    "--days",
    default=3650,
    show_default=True,
    type=click.IntRange(1, 36500),
    help="How long the certificates are valid.",
)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise click.ClickException(
            f"{error.filename} is there already; remove it first if the cluster is to have new "
            f"certificates: nodes with the old ones can't be reached then"
        ) from error
    except FileNotFoundError as error:
        raise click.ClickException(
            f"{error.filename} is missing; name the folder that `mobula tls init` has made"
        ) from error
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@click.group()
def tls() -> None:
    """Makes certificates, by which the hosts of a cluster know each other."""


@tls.command()
@click.argument("folder", type=click.Path(file_okay=False))
@_DAYS
def init(folder: str, days: int) -> None:
    """Makes an authority for a new cluster, and a certificate for its first node, in FOLDER."""
    from mobula._cluster import tls as certificates

    with _errors():
        certificates.make_authority(folder, days)
        certificates.make_node(folder, folder, days)
    _tell(
        f"made {', '.join(sorted(os.listdir(folder)))} in {folder}",
        f"start the head with --tls-dir={folder}",
        f"for each further host: mobula tls node {folder} NEW_FOLDER, and copy NEW_FOLDER there",
        f"keep {folder}/ca.key to yourself: who has it can add hosts to the cluster",
    )


@tls.command()
@click.argument("authority", type=click.Path(exists=True, file_okay=False))
@click.argument("folder", type=click.Path(file_okay=False))
@_DAYS
def node(authority: str, folder: str, days: int) -> None:
    """Makes the certificate of one more node in FOLDER; AUTHORITY is the folder of `init`."""
    from mobula._cluster import tls as certificates

    with _errors():
        certificates.make_node(authority, folder, days)
    _tell(
        f"made {', '.join(sorted(os.listdir(folder)))} in {folder}",
        f"copy {folder} to the host, and start its node with --tls-dir",
    )


def _tell(*lines: str) -> None:
    for line in lines:
        click.echo(line)
