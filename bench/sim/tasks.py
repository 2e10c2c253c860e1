# SPDX-License-Identifier: Apache-2.0
"""A Python program of no-op tasks, to be timed from outside: its own clocks are virtual.

time .venv/bin/mobula sim bench/sim/tasks.py -- 20000
"""

import sys

import ray


@ray.remote
def nothing():
    return None


ray.init()
ray.get([nothing.remote() for _ in range(int(sys.argv[1]))])
