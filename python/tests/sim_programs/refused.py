# SPDX-License-Identifier: Apache-2.0
"""Prints the errors of calls that would leave the simulation."""

import asyncio
import concurrent.futures
import http.client
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import urllib.request


async def connect():
    await asyncio.open_connection("example.com", 80)


async def start_program():
    await asyncio.create_subprocess_exec("ls")


for call in (
    socket.socket,
    socket.socketpair,
    lambda: socket.create_connection(("example.com", 80)),
    lambda: socket.create_server(("", 0)),
    lambda: http.client.HTTPConnection("example.com").request("GET", "/"),
    lambda: subprocess.run(["ls"], check=False),
    lambda: subprocess.check_output(["ls"]),
    lambda: os.system("ls"),
    lambda: os.popen("ls"),
    lambda: os.spawnlp(os.P_WAIT, "ls", "ls"),
    lambda: os.execvp("ls", ["ls"]),
    lambda: os.posix_spawn("/bin/ls", ["ls"], {}),
    os.fork,
    lambda: os.killpg(0, signal.SIGTERM),
    lambda: multiprocessing.Process(target=print).start(),
    lambda: multiprocessing.Pool(2),
    multiprocessing.Manager,
    lambda: concurrent.futures.ProcessPoolExecutor(2),
    lambda: signal.alarm(1),
    lambda: signal.setitimer(signal.ITIMER_REAL, 1),
    lambda: signal.signal(signal.SIGALRM, print),
    signal.pause,
    lambda: select.select([0], [], []),
    lambda: select.select([], [], []),
    select.poll,
    lambda: asyncio.run(connect()),
    lambda: asyncio.run(start_program()),
    lambda: urllib.request.urlopen("http://example.com/"),
):
    try:
        call()
    except OSError as error:
        print(error)
    else:
        raise AssertionError("the call went through")
