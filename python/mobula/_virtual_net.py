# SPDX-License-Identifier: Apache-2.0
"""The network and other programs, which a simulated program has not; and the one page it has."""

from __future__ import annotations

import http.client
import io
import multiprocessing.process
import socket
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _sim_process

if TYPE_CHECKING:
    from mobula._sim_hub import Hub


def install(hub: Hub) -> None:
    """Lets sockets and child processes end in a clear error, and serves the status page."""
    _refuse_method(socket.socket, "__init__", "socket.socket()", "remote calls between actors")
    _refuse_method(subprocess.Popen, "__init__", "subprocess.Popen()", "tasks (@ray.remote)")
    _refuse_method(
        multiprocessing.process.BaseProcess,
        "start",
        "multiprocessing.Process.start()",
        "tasks and actors (@ray.remote)",
    )
    for name in ("getaddrinfo", "gethostbyname", "create_connection", "socketpair"):
        setattr(socket, name, _refusal(f"socket.{name}()", "remote calls between actors"))

    class PageHandler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            if request.host != hub.status_address():
                _sim_process.refuse(f"urlopen({request.full_url!r})", "an actor that answers")
            return _answer(hub.status_page())

    opener = urllib.request.OpenerDirector()
    for handler in (
        PageHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.FileHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    urllib.request.install_opener(opener)


def _refuse_method(kind: type, name: str, call: str, instead: str) -> None:
    setattr(kind, name, _refusal(call, instead))


def _refusal(call: str, instead: str) -> Any:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        _sim_process.refuse(call, instead)

    return refuse


class _Delivered:
    """A connection whose answer has arrived."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._answer)


def _answer(page: str) -> http.client.HTTPResponse:
    body = page.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    response = http.client.HTTPResponse(_Delivered(head.encode() + body))  # type: ignore[arg-type]
    response.begin()
    return response
