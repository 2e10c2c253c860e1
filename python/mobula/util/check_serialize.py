# SPDX-License-Identifier: Apache-2.0
"""Finds out why something cannot be sent to another process."""

from __future__ import annotations

import inspect
from typing import Any, TextIO

import mobula
from mobula import _serialization, _unpicklable

__all__ = ["FailureTuple", "inspect_serializability"]


class FailureTuple:
    """An object that cannot be pickled although none of its members is to blame."""

    def __init__(self, obj: Any, path: tuple[str, ...], parent: Any) -> None:
        """``path`` leads from the inspected object to ``obj``; ``parent`` holds it."""
        self.obj = obj
        self.path = path
        self.parent = parent

    @property
    def name(self) -> str:
        """As its holder calls it."""
        return self.path[-1]

    def __repr__(self) -> str:
        """For people."""
        return f"FailTuple({self.name} [obj={self.obj}, parent={self.parent}])"


def inspect_serializability(
    base_obj: Any, name: str | None = None, depth: int = 3, print_file: TextIO | None = None
) -> tuple[bool, set[FailureTuple]]:
    """Whether an object can be sent; else which parts of it cannot, down to ``depth`` levels.

    Says on ``print_file`` (standard output) what it looks at.

    >>> import io, threading
    >>> lock, said = threading.Lock(), io.StringIO()
    >>> ok, [failure] = inspect_serializability({"a": 1, "b": lock}, print_file=said)
    >>> ok, failure.name, failure.obj is lock
    (False, "item ['b']", True)
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
        raise ValueError(f"depth must be an int of at least 0, got {depth!r}")
    if isinstance(base_obj, mobula.RemoteFunction):
        base_obj = base_obj._function
    elif isinstance(base_obj, mobula.ActorClass):
        base_obj = base_obj._class
    inspection = _Inspection(print_file)
    name = str(base_obj) if name is None else name
    title = f"Checking Serializability of {name!r}"
    line = "=" * min(len(title), 80)
    inspection.tell(f"{line}\n{title}\n{line}", 0)
    ok = inspection.inspect(base_obj, (name,), None, depth)
    if not ok:
        found = "\n".join(f"    {failure}" for failure in inspection.failures)
        inspection.tell(
            f"{line}\nVariable:\n{found}\nwas found to be non-serializable. There may be multiple "
            f"other undetected variables that were non-serializable.\nConsider either removing the "
            f"instantiation/imports of these variables or moving the instantiation into the scope "
            f"of the function/class.\n{line}",
            0,
        )
    return ok, set(inspection.failures)


class _Inspection:
    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self.failures: list[FailureTuple] = []
        # By id(); those under inspection stay alive.
        self._seen: set[int] = set()

    def tell(self, text: str, level: int) -> None:
        indent = " " * (4 * level)
        print("\n".join(indent + line for line in text.splitlines()), file=self._file)

    def inspect(self, obj: Any, path: tuple[str, ...], parent: Any, depth: int) -> bool:
        level = len(path) - 1
        error = _serialization.why_not(obj)
        if error is None:
            return True
        self.tell(f"!!! FAIL serialization of {path[-1]}: {error}", level)
        self._seen.add(id(obj))
        if inspect.isroutine(obj):
            self.tell(f"Inspecting closure of '{obj.__qualname__}'", level)
        count = len(self.failures)
        for member_name, member in _unpicklable.members(obj) if depth else ():
            if id(member) not in self._seen:
                self.inspect(member, (*path, member_name), obj, depth - 1)
        if len(self.failures) == count:
            self.failures.append(FailureTuple(obj, path, parent))
        return False
