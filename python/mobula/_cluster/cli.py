# SPDX-License-Identifier: Apache-2.0
"""The commands of an operator: `mobula start`, `stop`, `status`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import click
from rich.console import Console

from mobula import _daemon, _system_settings
from mobula._cluster import query, status
from mobula._cluster.start import StartOptions, end, read_token
from mobula._cluster.start import start as start_node
from mobula._cluster.start import stop as stop_nodes
from mobula._world import NodeOptions

_FILE = click.Path(exists=True, dir_okay=False)
_FOLDER = click.Path(exists=True, file_okay=False)


class _JsonObject(click.ParamType[Any]):
    """Such as {"disk": 2}."""

    name = "json"

    def __init__(self, kinds: tuple[type, ...], example: str) -> None:
        self._kinds = kinds
        self._example = example

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        with contextlib.suppress(ValueError):
            parsed = json.loads(value) if isinstance(value, str) else value
            if isinstance(parsed, dict) and all(
                isinstance(each, self._kinds) and not isinstance(each, bool)
                for each in parsed.values()
            ):
                return parsed
        self.fail(f"expected a JSON object such as {self._example}, got {value!r}")


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """What went wrong as one line, without a traceback."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def opened(
    address: str | None, token_file: str | None, tls_dir: str | None
) -> Iterator[query.Access]:
    """The cluster that `access_options` name, with what goes wrong as `errors` tells it."""
    with errors():
        yield query.access(address, token_file, tls_dir)


def access_options(command: Callable[..., None]) -> Callable[..., None]:
    """Of commands that look at a cluster."""
    for option in (
        click.option("--tls-dir", type=_FOLDER, help="Certificates, as `mobula start` has it."),
        click.option(
            "--token-file", type=_FILE, help="The cluster's token.  [default: MOBULA_TOKEN]"
        ),
        click.option(
            "--address",
            metavar="HOST:PORT",
            help="Of the head.  [default: RAY_ADDRESS, or the cluster of this host's node]",
        ),
    ):
        command = option(command)
    return command


def _spilling_place(context: Any, parameter: Any, value: str | None) -> str | None:
    try:
        return None if value is None else _system_settings.spilling_place(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--head", is_flag=True, help="Start a new cluster.")
@click.option("--address", metavar="HOST:PORT", help="Join the cluster whose head listens there.")
@click.option(
    "--node-ip-address",
    metavar="IP",
    help="By which the other hosts reach this one, and where it listens.  [default: the loopback "
    "interface on the head; elsewhere the address from which this host reaches the head]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="[default: 6379 on the head, any elsewhere]"
)
@click.option("--num-cpus", type=click.FloatRange(0), help="[default: what the host has]")
@click.option("--num-gpus", type=click.FloatRange(0), help="[default: 0]")
@click.option(
    "--memory", type=click.FloatRange(0), metavar="BYTES", help="For tasks that ask for it."
)
@click.option(
    "--resources",
    type=_JsonObject((int, float), '{"disk": 2}'),
    metavar="JSON",
    help="Further ones: '{\"disk\": 2}'.",
)
@click.option(
    "--labels", type=_JsonObject((str,), '{"zone": "a"}'), metavar="JSON", help='\'{"zone": "a"}\'.'
)
@click.option(
    "--object-store-memory",
    type=click.IntRange(1 << 20),
    metavar="BYTES",
    help="[default: 30 % of the host's memory]",
)
@click.option(
    "--object-spilling-directory",
    callback=_spilling_place,
    metavar="PATH|URL",
    help="Also what fsspec writes to: s3://bucket/folder.  [default: the session's]",
)
@click.option(
    "--memory-usage-threshold",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="When more of the memory is used, a worker is ended.  [default: 0.95]",
)
@click.option(
    "--transfer-fan-out",
    type=click.IntRange(0),
    metavar="N",
    help="So many nodes at a time get one large object from this one, and pass it on to the others "
    "that want it; 0: it is sent to each of them.  [default: 2]",
)
@click.option("--node-name", default="", help="For people.  [default: the host's name]")
@click.option(
    "--dashboard-host", default="127.0.0.1", show_default=True, metavar="IP", help="Of the page."
)
@click.option("--dashboard-port", type=click.IntRange(-1, 65535), help="-1: no page.")
@click.option(
    "--storage",
    default="",
    metavar="PLACE",
    help="Where the head keeps its log, so that it can be started again: a folder, or "
    "redis://HOST[:PORT][/DATABASE][?prefix=NAME] with the password in MOBULA_REDIS_PASSWORD.",
)
@click.option(
    "--node-timeout-ms",
    type=click.IntRange(1000),
    metavar="N",
    help="On the head: a node that was silent for so long is dead.  [default: 1800]",
)
@click.option(
    "--suspicion-timeout-ms",
    type=click.IntRange(1),
    metavar="N",
    help="On the head: the same after its link broke.  [default: 800]",
)
@click.option(
    "--token-file",
    type=_FILE,
    help="The cluster's token.  [default: MOBULA_TOKEN, or a new one on the head]",
)
@click.option("--tls-dir", type=_FOLDER, help="Certificates of `mobula tls init`, for mutual TLS.")
@click.option("--block", is_flag=True, help="Return when the node has ended.")
def start(
    head: bool,
    address: str | None,
    block: bool,
    token_file: str | None,
    tls_dir: str | None,
    **options: Any,
) -> None:
    """Starts this host's node, in the background: with --head or --address."""
    if head == (address is not None):
        raise click.UsageError(
            "expected either --head, to start a cluster, or --address=HOST:PORT, to join one"
        )
    if address is not None:
        _check_address(address)
        if options["storage"]:
            raise click.UsageError("--storage is for the head, which has a log to keep")
        for name in ("node_timeout_ms", "suspicion_timeout_ms"):
            if options[name] is not None:
                option = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"{option} is for the head, which says who is dead")
    node = NodeOptions(
        resources=options.pop("resources") or {},
        labels=options.pop("labels") or {},
        **{
            name: options.pop(name)
            for name in (
                *("num_cpus", "num_gpus", "memory", "object_store_memory"),
                *("object_spilling_directory", "memory_usage_threshold"),
            )
        },
    )
    with errors():
        token = read_token(token_file) if token_file else None
        daemon = start_node(
            StartOptions(address=address, node=node, token=token, tls_dir=tls_dir or "", **options)
        )
    _tell_started(Console(highlight=False, soft_wrap=True), daemon.facts)
    if block:
        _block(daemon)


def _block(daemon: _daemon.Daemon) -> None:
    """Until the node has ended; Ctrl-C and SIGTERM, as of init systems, end it in order."""

    def leave(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    try:
        status = daemon.wait()
    except KeyboardInterrupt:
        end(daemon.facts, force=False)
        daemon.wait()
        return
    if status != 0:
        raise click.ClickException(
            f"the node has ended with status {status}; its log is in "
            f"{daemon.facts['session_dir']}/logs"
        )


def _check_address(address: str) -> None:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise click.BadParameter(
            f"expected HOST:PORT, such as 10.0.0.1:6379, got {address!r}", param_hint="--address"
        )


def _tell_started(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"[bold green]The node runs[/] at {facts['node_address']} ({facts['node_id']}).")
    if not facts["is_head"]:
        console.print(f"It is of the cluster at {facts['cluster_address']}.")
    if facts["webui_url"]:
        console.print(f"  page   http://{facts['webui_url']}")
        console.print(f"         http://{facts['webui_url']}/metrics, for Prometheus")
    console.print(f"  logs   {os.path.join(facts['session_dir'], 'logs')}")
    if facts["token_file"]:
        console.print(f"  token  {facts['token_file']}")
    if facts["is_head"]:
        console.print(_how_to_join(facts))
    console.print('To run a program here:   [bold]ray.init(address="auto")[/]')
    console.print("To look at the cluster:  [bold]mobula status[/]")
    console.print("To end this node:        [bold]mobula stop[/]")


def _how_to_join(facts: dict[str, Any]) -> str:
    address = facts["cluster_address"]
    if address.startswith("127."):
        return (
            "Only this host can reach it; for a cluster of several, start the head with "
            "[bold]--node-ip-address[/]."
        )
    tls = " --tls-dir=tls" if facts["tls_dir"] else ""
    return (
        f"To add a host: copy the token file there as token, and run\n"
        f"                         [bold]mobula start --address={address} "
        f"--token-file=token{tls}[/]"
    )


@click.command()
@click.option("--force", is_flag=True, help="Kill them, instead of letting them end in order.")
def stop(force: bool) -> None:
    """Ends the nodes that `mobula start` has started on this host."""
    with errors():
        records = stop_nodes(force=force)
    if not records:
        click.echo("no node of this user, started by `mobula start`, runs on this host")
    for record in records:
        click.echo(
            f"stopped the {'head' if record['is_head'] else 'node'} {record['node_address']}"
        )


@click.command("status")
@access_options
def show_status(**where: Any) -> None:
    """Shows the nodes, resources and waiting tasks of a cluster."""
    with opened(**where) as cluster:
        nodes = cluster.nodes()
    console = Console(highlight=False)
    status.show(console, cluster.address, nodes)
    with contextlib.suppress(ConnectionError):
        record = _daemon.find(cluster.address)
        console.print(
            f"\nThis host: node {record['node_id']}, logs in {record['session_dir']}/logs"
        )
        if record["token_file"]:
            console.print(f"Token: {record['token_file']}")
