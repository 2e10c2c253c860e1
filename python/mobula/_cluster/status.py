# SPDX-License-Identifier: Apache-2.0
"""What `mobula status` shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

# In bytes; people read them otherwise.
_BYTES = ("memory", "object_store_memory")


def show(console: Console, address: str, nodes: list[dict[str, Any]]) -> None:
    """Nodes, resources and pending demands of a cluster."""
    alive = [node for node in nodes if node["alive"]]
    dead = len(nodes) - len(alive)
    console.print(
        f"[bold]Cluster at {address}[/]: {len(alive)} {_plural(len(alive), 'node')}"
        + (f", {dead} gone" if dead else "")
    )
    console.print(_nodes(nodes))
    console.print(_resources(alive))
    demands = [demand for node in alive for demand in node["demand"]]
    if demands:
        console.print(_demands(demands))
    else:
        console.print("Nothing waits for resources.")


def bytes_text(amount: float) -> str:
    """1536 -> "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def table(title: str, *columns: str, right: Iterable[str] = ()) -> Table:
    """In the form of all tables here; columns named in ``right`` hold numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


def _nodes(nodes: list[dict[str, Any]]) -> Table:
    made = table("\nNodes", "Name", "Address", "Node", "State", "CPU", right=["CPU"])
    for node in sorted(nodes, key=lambda node: (not node["alive"], not node["info"]["is_head"])):
        info = node["info"]
        total = info["total"].get("CPU", 0.0)
        state = "head" if info["is_head"] else "alive"
        if not node["alive"]:
            state = f"[red]dead[/]: {node['death_reason']}"
        used = f"{total - node['available'].get('CPU', 0.0):g}/{total:g}" if node["alive"] else ""
        made.add_row(info["name"], info["address"], info["node"], state, used)
    return made


def _resources(alive: list[dict[str, Any]]) -> Table:
    total: dict[str, float] = {}
    available: dict[str, float] = {}
    for node in alive:
        for sums, amounts in ((total, node["info"]["total"]), (available, node["available"])):
            for name, amount in amounts.items():
                # By which tasks are bound to a node: not for people.
                if not name.startswith("node:"):
                    sums[name] = sums.get(name, 0.0) + amount
    made = table("\nResources", "Name", "Used", "Total", right=["Used", "Total"])
    for name in sorted(total):
        text = bytes_text if name in _BYTES else "{:g}".format
        made.add_row(name, text(total[name] - available.get(name, 0.0)), text(total[name]))
    return made


def amounts_text(resources: dict[str, float]) -> str:
    """Amounts of resources for people, in one line."""
    return ", ".join(f"{name}: {amount:g}" for name, amount in resources.items())


def _demands(demands: list[dict[str, Any]]) -> Table:
    made = table("\nWaiting for resources", "Count", "What", "Needs", "State", right=["Count"])
    for demand in demands:
        needs = amounts_text(demand["resources"])
        state = "[red]no node could ever run it[/]" if demand["infeasible"] else "waits"
        made.add_row(str(demand["count"]), demand["name"], needs, state)
    return made
