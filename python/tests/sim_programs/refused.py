# SPDX-License-Identifier: Apache-2.0
"""Prints the errors of calls that would leave the simulation."""

import multiprocessing
import os
import socket
import subprocess
import urllib.request

for call in (
    socket.socket,
    lambda: socket.create_connection(("example.com", 80)),
    lambda: subprocess.run(["ls"], check=False),
    lambda: os.system("ls"),
    os.fork,
    lambda: multiprocessing.Process(target=print).start(),
    lambda: urllib.request.urlopen("http://example.com/"),
):
    try:
        call()
    except OSError as error:
        print(error)
    else:
        raise AssertionError("the call went through")
