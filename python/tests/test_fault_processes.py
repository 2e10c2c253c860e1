# SPDX-License-Identifier: Apache-2.0
"""Stopping processes on this machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from mobula._fault_processes import Stops, children

FORKS = """
import ctypes, os, time
rename = lambda name: ctypes.CDLL(None).prctl(15, name)
rename(b"mobula-zygote")
if os.fork() == 0:
    time.sleep(0.3)
    rename(b"mobula-worker")
print("ready", flush=True)
time.sleep(60)
"""


def _read(pid, name):
    with open(f"/proc/{pid}/{name}") as file:
        return file.read()


@pytest.fixture
def zygote():
    process = subprocess.Popen([sys.executable, "-c", FORKS], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    for pid in children(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def test_a_process_that_is_being_made_is_stopped_once_it_is(zygote):
    # Before, nothing ties its life to its parent's: stopped then, it could be left for ever.
    (child,) = children(zygote.pid)
    assert _read(child, "comm") == "mobula-zygote\n"
    Stops().stop(1, lambda: [child])
    assert _read(child, "comm") == "mobula-worker\n"
    deadline = time.monotonic() + 10
    while _read(child, "stat").rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline, "it was not stopped within 10 s"
        time.sleep(0.001)
