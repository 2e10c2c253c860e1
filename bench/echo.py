# SPDX-License-Identifier: Apache-2.0
"""Calls without a runtime: pickled to a process at the other end of a Unix socket, and answered.

What a call costs in Python at least, where caller and callee are different processes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import socket
import struct
from collections.abc import Callable, Iterator

_LENGTH = struct.Struct("I")
_CHUNK = 1 << 16


def nothing(*arguments: object) -> bytes:
    """What is called."""
    return b"ok"


_FUNCTIONS = {0: nothing}


class _Messages:
    """Of one end: values, each with its length before it."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._read = b""

    def send(self, values: list[object]) -> None:
        """In one piece."""
        parts = []
        for value in values:
            text = pickle.dumps(value, 5)
            parts += (_LENGTH.pack(len(text)), text)
        self._end.sendall(b"".join(parts))

    def receive(self) -> list[object]:
        """Whatever has arrived; at least one unless the other end is gone."""
        values: list[object] = []
        while not values:
            chunk = self._end.recv(_CHUNK)
            if not chunk:
                break
            data, at = self._read + chunk, 0
            while len(data) - at >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(data, at)
                if len(data) - at - _LENGTH.size < length:
                    break
                at += _LENGTH.size
                values.append(pickle.loads(data[at : at + length]))
                at += length
            self._read = data[at:]
        return values


def serve(end: socket.socket) -> None:
    """Answers until the other end is closed."""
    messages = _Messages(end)
    while calls := messages.receive():
        messages.send([_FUNCTIONS[function](*arguments) for function, arguments in calls])


def caller(end: socket.socket) -> Callable[[int], None]:
    """A function that calls so often, all calls under way at once, and has the answers."""
    messages = _Messages(end)

    def call(count: int = 1) -> None:
        messages.send([(0, ())] * count)
        answers = 0
        while answers < count:
            answers += len(messages.receive())

    return call


@contextlib.contextmanager
def server() -> Iterator[Callable[[int], None]]:
    """Starts a process that answers; gives its `caller`."""
    here, there = socket.socketpair()
    process = multiprocessing.get_context("fork").Process(
        target=_serve_alone, args=(there, here), daemon=True
    )
    process.start()
    there.close()
    yield caller(here)
    here.close()
    process.join()


def _serve_alone(end: socket.socket, other: socket.socket) -> None:
    # The caller's, which the fork copied: with it open the end would never come.
    other.close()
    serve(end)
