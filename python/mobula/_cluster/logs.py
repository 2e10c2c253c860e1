# SPDX-License-Identifier: Apache-2.0
"""Reading the logs of a node, wherever it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from mobula._cluster.query import Access, QueryError


@dataclasses.dataclass(frozen=True)
class Source:
    """The logs of one node."""

    access: Access
    # Of its daemon.
    address: str

    @classmethod
    def of(cls, access: Access, node: str | None) -> Source:
        """Those of a node by its id (or the beginning of it), name or address; None: the head's.

        Raises:
            QueryError: No node, or more than one, is meant.
        """
        if node is None:
            return cls(access, access.address)
        found = [
            view["info"]["address"]
            for view in access.nodes()
            if view["alive"]
            and (
                view["info"]["node"].startswith(node)
                or node in (view["info"]["name"], view["info"]["address"])
            )
        ]
        if len(found) != 1:
            raise QueryError(
                f"{len(found) or 'no'} living nodes are called {node!r}; expected an id, a name or "
                f"an address that is of one node: see `mobula list nodes`"
            )
        return cls(access, found[0])

    def files(self) -> list[dict[str, Any]]:
        """Their names and sizes."""
        files: list[dict[str, Any]] = self.access.ask("/logs", self.address)
        return files

    def end(self, file: str, lines: int) -> tuple[str, int]:
        """The last lines, and the offset behind them."""
        sizes = {entry["name"]: entry["bytes"] for entry in self.files()}
        if file not in sizes:
            raise QueryError(
                f"the node at {self.address} has no log {file!r}; "
                f"there are: {', '.join(sizes) or 'none'}"
            )
        text, offset = self.rest(file, max(0, sizes[file] - (1 << 20)))
        kept = text.splitlines(keepends=True)[-lines:] if lines else []
        return "".join(kept), offset

    def rest(self, file: str, offset: int) -> tuple[str, int]:
        """What there is from an offset on, or the first part of it, and the offset behind that."""
        content = self.access.ask_bytes(f"/logs/{file}/{offset}", self.address)
        return content.decode(errors="replace"), offset + len(content)

    def more(self, file: str, offset: int) -> tuple[str, int]:
        """As `rest`; when the log was continued in a new file, the end of the old one first."""
        text, behind = self.rest(file, offset)
        if text:
            return text, behind
        sizes = {entry["name"]: entry["bytes"] for entry in self.files()}
        if sizes.get(file, 0) >= offset:
            return "", offset
        older = f"{file}.1"
        return (self.rest(older, offset)[0] if older in sizes else ""), 0

    def parts(self, file: str, offset: int = 0) -> Iterator[tuple[str, int]]:
        """Each part from an offset to the present end, and the offset behind it."""
        while True:
            text, behind = self.rest(file, offset)
            if behind == offset:
                return
            offset = behind
            yield text, offset
