# SPDX-License-Identifier: Apache-2.0
"""The network and other programs, which a simulated program has not; and the one page it has."""

from __future__ import annotations

import concurrent.futures
import http.client
import io
import multiprocessing.pool
import multiprocessing.process
import socket
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _sim_process
from mobula._virtual_patch import on_undo, put

if TYPE_CHECKING:
    from mobula._sim_hub import Hub


# Where `init` says that the dashboard is.
STATUS_ADDRESS = "127.0.0.1:8265"


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
    _refuse_method(
        concurrent.futures.ProcessPoolExecutor,
        "__init__",
        "concurrent.futures.ProcessPoolExecutor()",
        "tasks (@ray.remote), or a ThreadPoolExecutor",
    )
    _refuse_method(
        multiprocessing.pool.Pool,
        "__init__",
        "multiprocessing.Pool()",
        "tasks (@ray.remote)",
    )
    for name in ("getaddrinfo", "gethostbyname", "create_connection", "socketpair"):
        put(socket, name, _refusal(f"socket.{name}()", "remote calls between actors"))

    class PageHandler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            if request.host != STATUS_ADDRESS:
                _sim_process.refuse(f"urlopen({request.full_url!r})", "an actor that answers")
            return _answer(_status_page(hub))

    opener = urllib.request.OpenerDirector()
    for handler in (
        PageHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.FileHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    before = urllib.request._opener  # type: ignore[attr-defined]
    on_undo(lambda: urllib.request.install_opener(before))
    urllib.request.install_opener(opener)


def _status_page(hub: Hub) -> str:
    rows = "".join(
        f"<tr><td>{node}<td>{hub.world.node_resources(node)}" for node in hub.world.node_names()
    )
    return (
        "<!DOCTYPE html><title>mobula, simulated</title>"
        f"<p>{hub.now_ns() / 1e9:.6f} s of virtual time"
        f"<table><tr><th>node<th>resources{rows}</table>"
    )


def _refuse_method(kind: type, name: str, call: str, instead: str) -> None:
    put(kind, name, _refusal(call, instead))


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
