# SPDX-License-Identifier: Apache-2.0
"""The process of a node that spills objects to a URL: to whatever fsspec can write to.

It answers what its daemon asks over the socket in MOBULA_SPILL_FD, see
`runtime/host/daemon/spill_helper.h`. A file of the node is an object in a folder of the node's own,
which goes when the socket closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import Any, BinaryIO

import fsspec

_PIECE = 4 << 20


class Place:
    """The folder of one node at a URL."""

    def __init__(self, url: str, folder: str) -> None:
        """Nothing is there before the first write."""
        self._url = f"{url.rstrip('/')}/{folder}"
        self._files, self._root = fsspec.core.url_to_fs(self._url)

    def write(self, file: int, source: BinaryIO, size: int) -> str:
        """Takes so many bytes from the source in any case; returns what went wrong."""
        left = size
        problem = ""
        try:
            # On file systems whose folders have to be made.
            self._files.makedirs(self._root, exist_ok=True)
            with self._files.open(self._path(file), "wb") as target:
                while left:
                    piece = _read(source, min(left, _PIECE))
                    left -= len(piece)
                    target.write(piece)
        except EOFError:
            raise
        except Exception as error:
            problem = _text(error)
        while left:
            left -= len(_read(source, min(left, _PIECE)))
        if problem:
            self.delete(file)
        return problem

    def read(self, file: int, offset: int, size: int) -> bytes:
        """All of that range."""
        data: bytes = self._files.cat_file(self._path(file), offset, offset + size)
        if len(data) != size:
            raise OSError("what was written is not there")
        return data

    def delete(self, file: int) -> None:
        """Also one that is not there. What stays goes with the folder."""
        try:
            self._files.rm(self._path(file))
        except FileNotFoundError:
            pass
        except Exception as error:
            print(f"cannot delete {self._path(file)}: {_text(error)}", file=sys.stderr, flush=True)

    def remove(self) -> None:
        """All of it."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(self._root, recursive=True)

    def _path(self, file: int) -> str:
        return f"{self._root}/{file}"


def check(url: str) -> None:
    """ValueError when nothing here can write to such a URL."""
    try:
        fsspec.core.url_to_fs(url)
    except Exception as error:
        raise ValueError(f"objects cannot be spilled to {url}: {_text(error)}") from error


def serve(connection: socket.socket, place: Place) -> None:
    """Until the other end closes."""
    with connection.makefile("rb") as source:
        while line := source.readline():
            question = json.loads(line)
            try:
                problem, data = _answer(place, question, source)
            except EOFError:
                return
            connection.sendall(json.dumps({"error": problem}).encode() + b"\n")
            connection.sendall(data)


def _answer(place: Place, question: dict[str, Any], source: BinaryIO) -> tuple[str, bytes]:
    if question["op"] == "write":
        return place.write(question["file"], source, question["size"]), b""
    if question["op"] == "delete":
        place.delete(question["file"])
        return "", b""
    try:
        return "", place.read(question["file"], question["offset"], question["size"])
    except Exception as error:
        return _text(error), b""


def _read(source: BinaryIO, size: int) -> bytes:
    piece = source.read(size)
    if len(piece) < size:
        raise EOFError
    return piece


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def main() -> None:
    """Serves the daemon that started it."""
    url, folder = sys.argv[1:]
    place = Place(url, folder)
    with socket.socket(fileno=int(os.environ["MOBULA_SPILL_FD"])) as connection:
        try:
            serve(connection, place)
        except (BrokenPipeError, ConnectionResetError):
            # The daemon was killed.
            pass
        finally:
            place.remove()


if __name__ == "__main__":
    main()
