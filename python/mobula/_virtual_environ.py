# SPDX-License-Identifier: Apache-2.0
"""Environment variables: each simulated process has its own, which begin as the simulator's."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping

from mobula import _sim_process
from mobula._virtual_patch import put


def install() -> None:
    """Makes os.environ that of the process that looks."""
    environ = os.environ
    put(environ, "_data", _Variables(dict(environ._data)))  # type: ignore[attr-defined]


class _Variables(MutableMapping[bytes, bytes]):
    """What os.environ keeps its variables in."""

    def __init__(self, at_start: dict[bytes, bytes]) -> None:
        self._at_start = at_start

    def _mine(self) -> dict[bytes, bytes]:
        process = _sim_process.current()
        if process is None:
            return self._at_start
        mine: dict[bytes, bytes] = process.extra("environ", lambda: dict(self._at_start))
        return mine

    def __getitem__(self, name: bytes) -> bytes:
        return self._mine()[name]

    def __setitem__(self, name: bytes, value: bytes) -> None:
        self._mine()[name] = value

    def __delitem__(self, name: bytes) -> None:
        del self._mine()[name]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._mine())

    def __len__(self) -> int:
        return len(self._mine())
