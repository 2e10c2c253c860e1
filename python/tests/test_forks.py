# SPDX-License-Identifier: Apache-2.0
"""Forked copies of a process, as exploring and simulated tests make them, do not outlive it."""

import os
import pathlib
import subprocess
import sys

PROGRAM = """
import os, sys, time
from mobula._forks import Forks

def child(output, errors):
    print(os.getpid(), file=open(sys.argv[1], "w"), flush=True)
    time.sleep(1000)

forks = Forks(1, 1000)
forks.start("child", child)
list(forks.wait())
"""


def test_children_end_with_a_killed_parent(tmp_path, wait_for):
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, file]) as parent:
        wait_for(lambda: file.exists() and file.read_text(), "the child runs")
        stat = pathlib.Path("/proc", file.read_text().strip(), "stat")
        assert stat.exists()
        os.kill(parent.pid, 9)
    wait_for(lambda: not stat.exists() or ") Z" in stat.read_text(), "the child has ended")
