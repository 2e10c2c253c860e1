# SPDX-License-Identifier: Apache-2.0
"""A worker that goes on in the Python of its environment, as the program `mobula._worker_main`."""

from __future__ import annotations

import sys

import mobula.alias
from mobula import _cpu_threads
from mobula._parent import call_process
from mobula._worker import live, run_worker

if __name__ == "__main__":
    call_process("mobula-worker")
    _cpu_threads.give_default()
    mobula.alias.install()
    live(lambda: run_worker(*sys.argv[1:]))
