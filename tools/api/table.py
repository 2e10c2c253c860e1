#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes python/API.md: every public name of Ray Core, and whether it is here.

table.py prints the table, table.py --write puts it in its place. The names are in ray-*.txt (see
names.py); whether one is here is found out by importing it through the alias.
"""

from __future__ import annotations

import contextlib
import fnmatch
import importlib
import io
import itertools
import pathlib
import sys
import tomllib
import warnings
from typing import Any

import mobula.alias

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from names import MODULES

FOLDER = pathlib.Path(__file__).parent
TABLE = FOLDER.parents[1] / "python" / "API.md"
RELEASES = ("1.13.0", "2.60.0")
HEAD = """\
# The names of Ray Core

What Ray {old} or {new} offers in its core, and whether `import ray` finds it here: **here**, here
but **differs** in some way, or **absent**. A class is followed by the members that it lacks. Made
by `tools/api/table.py` from the code; what Ray calls deprecated counts as well.

{here} of {all} names are here, {differ} of them with a difference; {absent} are absent.
"""


class Names:
    """The names of the releases, and what is known of each."""

    def __init__(self) -> None:
        mobula.alias.install()
        self._releases = {
            release: set((FOLDER / f"ray-{release}.txt").read_text().split())
            for release in RELEASES
        }
        self.all = sorted(set.union(*self._releases.values()))
        self._notes = tomllib.loads((FOLDER / "notes.toml").read_text())
        self._found = {name: _is_here(name) for name in self.all}

    def releases_of(self, name: str) -> str:
        """Which releases have it."""
        having = [one for one in RELEASES if name in self._releases[one]]
        return "both" if len(having) == len(RELEASES) else having[0]

    def is_here(self, name: str) -> bool:
        return self._found[name]

    def note(self, kind: str, name: str) -> str:
        """What the notes say of a name; empty when nothing."""
        notes = self._notes[kind]
        return next((notes[one] for one in notes if fnmatch.fnmatchcase(name, one)), "")

    def owner(self, name: str) -> str:
        """The class of which a name is a member; empty for one of a module."""
        above = name.rpartition(".")[0]
        return above if above in self._found and above not in MODULES else ""

    def unexplained(self) -> list[str]:
        """The absent names of which nobody says why; members of absent classes need no reason."""
        return [
            name
            for name in self.all
            if not self._found[name]
            and not self.note("absent", name)
            and self._found.get(self.owner(name), True)
        ]


def _is_here(name: str) -> bool:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            # Importing old names may warn, or say something.
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                found: Any = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        return all(
            (found := getattr(found, part, _NOTHING)) is not _NOTHING for part in parts[count:]
        )
    return False


_NOTHING = object()


def make() -> str:
    """The whole page; ValueError when a reason is missing."""
    names = Names()
    if names.unexplained():
        raise ValueError(
            "say in tools/api/notes.toml why these are absent: " + ", ".join(names.unexplained())
        )
    rows = [name for name in names.all if not names.owner(name)]
    rows.sort(key=lambda name: (name.rpartition(".")[0], name))
    pages = []
    counts = {"here": 0, "differs": 0, "absent": 0}
    for module, group in itertools.groupby(rows, lambda name: name.rpartition(".")[0]):
        lines = [f"\n## {module}\n", "| name | in Ray | here | |", "|---|---|---|---|"]
        for name in group:
            state, note = _row(names, name)
            counts[state] += 1
            short = name.removeprefix(module + ".")
            lines.append(f"| `{short}` | {names.releases_of(name)} | {state} | {note} |")
        pages.append("\n".join(lines))
    head = HEAD.format(
        old=RELEASES[0],
        new=RELEASES[1],
        here=counts["here"] + counts["differs"],
        differ=counts["differs"],
        all=len(rows),
        absent=counts["absent"],
    )
    return head + "\n".join(pages) + "\n"


def _row(names: Names, name: str) -> tuple[str, str]:
    if not names.is_here(name):
        return "absent", names.note("absent", name)
    parts = [names.note("differs", name)]
    lacking: dict[str, list[str]] = {}
    for member in names.all:
        if names.owner(member) == name and not names.is_here(member):
            reason = names.note("absent", member)
            lacking.setdefault(reason, []).append(f"`{member.removeprefix(name + '.')}`")
    parts += [f"without {', '.join(members)}: {why}" for why, members in lacking.items()]
    text = "; ".join(part for part in parts if part)
    return ("differs" if text else "here"), text


if __name__ == "__main__":
    page = make()
    if sys.argv[1:] == ["--write"]:
        TABLE.write_text(page)
    else:
        print(page, end="")
