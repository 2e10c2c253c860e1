# SPDX-License-Identifier: Apache-2.0
"""The commands that look into a cluster: `mobula list`, `memory`, `timeline`, `logs`."""

from __future__ import annotations

import json
import time
from typing import Any

import click
from rich.console import Console

from mobula._cluster import listing, logs, status
from mobula._cluster.cli import access_options, opened

_POLL_S = 0.5
# So much of an id tells it from others; `--node` takes the beginning of one, too. Of an object's
# the end counts as well.
_ID_LENGTH = 12
# What is for scripts; tables have no room for it.
_LONG = {"death_cause", "death_reason", "job_id"}


def _complain(text: str) -> None:
    click.echo(text, err=True)


class _Filter(click.ParamType[Any]):
    """KEY=VALUE or KEY!=VALUE."""

    name = "filter"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        key, equals, wanted = str(value).partition("=")
        if not (key.rstrip("!") and equals):
            self.fail(f"expected KEY=VALUE or KEY!=VALUE, got {value!r}", parameter, context)
        return key.rstrip("!"), key.endswith("!"), wanted


@click.command("list")
@click.argument("what", type=click.Choice(sorted(listing.LISTS)))
@click.option(
    "--filter", "filters", multiple=True, type=_Filter(), metavar="KEY=VALUE", help="Or KEY!=VALUE."
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Of rows.")
@click.option("--json", "as_json", is_flag=True, help="All that is known, for programs.")
@access_options
def list_things(
    what: str,
    filters: tuple[tuple[str, bool, str], ...],
    limit: int,
    as_json: bool,
    **where: Any,
) -> None:
    """Lists what there is in a cluster."""
    with opened(**where) as access:
        rows = listing.LISTS[what](access, _complain)
    for key, differs, wanted in filters:
        if rows and key not in rows[0]:
            raise click.BadParameter(f"there is no {key!r}; there are: {', '.join(rows[0])}")
        rows = [row for row in rows if (str(row[key]).lower() == wanted.lower()) != differs]
    shown = rows[:limit]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    elif not rows:
        click.echo(f"there are no {what}" + (" of that kind" if filters else ""))
    else:
        _show_rows(shown)
        if len(shown) < len(rows):
            click.echo(f"... and {len(rows) - len(shown)} more; see --limit")


def _show_rows(rows: listing.Rows) -> None:
    first, *others = rows[0]
    names = [first, *(name for name in others if name not in _LONG)]
    numbers = [name for name in names if isinstance(rows[0][name], (int, float))]
    made = status.table("", *(_title(name) for name in names), right=map(_title, numbers))
    for row in rows:
        made.add_row(*(_text(name, row[name]) for name in names))
    Console(highlight=False).print(made)


def _title(name: str) -> str:
    return name.replace("_", " ").removesuffix(" id").capitalize()


def _text(name: str, value: Any) -> str:
    if name == "bytes":
        return status.bytes_text(value)
    if name.endswith("_id") and name != "object_id":
        return str(value)[:_ID_LENGTH]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@click.command()
@access_options
def memory(**where: Any) -> None:
    """Shows what lies in the object stores: how much on each node, which objects, and whose."""
    with opened(**where) as access:
        nodes = listing.living(access)
        objects = listing.objects_of(access, nodes, _complain)
    console = Console(highlight=False)
    stores = status.table(
        "Stores",
        "Node",
        "Objects",
        "In memory",
        "Capacity",
        "On disk",
        right=["Objects", "In memory", "Capacity", "On disk"],
    )
    for node in nodes:
        copies = [row for row in objects if row["node"] == node["info"]["address"]]
        stores.add_row(
            node["info"]["address"],
            str(len(copies)),
            status.bytes_text(_sum(copies, "memory")),
            status.bytes_text(node["info"]["total"].get("object_store_memory", 0.0)),
            status.bytes_text(_sum(copies, "disk")),
        )
    console.print(stores)
    owners: dict[str, list[dict[str, Any]]] = {}
    for row in objects:
        if row["copy"] == "primary":
            owners.setdefault(row["owner"], []).append(row)
    if owners:
        made = status.table("\nOwners", "Process", "Objects", "Bytes", right=["Objects", "Bytes"])
        for owner, rows in owners.items():
            made.add_row(
                owner, str(len(rows)), status.bytes_text(sum(row["bytes"] for row in rows))
            )
        console.print(made)
        console.print("\n`mobula list objects` shows each copy.")


def _sum(copies: listing.Rows, place: str) -> int:
    return sum(copy["bytes"] for copy in copies if place in copy["place"])


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True))
@access_options
def timeline(file: str, **where: Any) -> None:
    """Writes when the last tasks of each process waited and ran, for ui.perfetto.dev, to FILE."""
    from mobula import _time_line

    with opened(**where) as access:
        nodes, silent = _time_line.ask_cluster(access, listing.living(access))
        events = _time_line.events_of(nodes)
        with open(file, "w") as output:
            output.write(_time_line.text_of(events))
    for address in silent:
        _complain(f"left out: the node at {address} does not answer")
    count = sum(event["ph"] == "X" for event in events)
    click.echo(f"{count} executions of {len(nodes)} nodes; open {file} in https://ui.perfetto.dev")


@click.command("logs")
@click.argument("file", required=False)
@click.option("--node", metavar="NODE", help="Id, name or address.  [default: the head]")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--lines", default=100, show_default=True, type=click.IntRange(0), help="The last.")
@access_options
def show_logs(
    file: str | None,
    node: str | None,
    follow: bool,
    lines: int,
    **where: Any,
) -> None:
    """Shows the end of a log FILE of a node, or which there are."""
    with opened(**where) as access:
        source = logs.Source.of(access, node)
        if file is None:
            made = status.table("", "File", "Bytes", right=["Bytes"])
            for entry in source.files():
                made.add_row(entry["name"], status.bytes_text(entry["bytes"]))
            Console(highlight=False).print(made)
            return
        text, offset = source.end(file, lines)
        click.echo(text, nl=False)
        while follow:
            time.sleep(_POLL_S)
            text, offset = source.more(file, offset)
            click.echo(text, nl=False)
