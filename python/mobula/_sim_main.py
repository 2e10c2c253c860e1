# SPDX-License-Identifier: Apache-2.0
"""One simulation from its options to its exit code."""

from __future__ import annotations

import atexit
import dataclasses
import os
import sys
from collections.abc import Sequence

from mobula import _program, _sim_setup, _sim_watchdog, alias
from mobula._sim_hub import Hub
from mobula._sim_options import SimOptions
from mobula._trace.recording import Recording
from mobula._virtual_threads import finish_threads


def simulate(program: str, arguments: Sequence[str], options: SimOptions) -> int:
    """Runs a program in a simulated cluster, then reports; returns the program's exit code.

    For once in a process: the virtual world stays.

    Raises:
        ValueError: An option is wrong.
    """
    errors = sys.stderr
    # Made here, outside of the virtual world.
    recording = Recording(options.trace, options.trace_html, os.path.basename(program))
    options = dataclasses.replace(options, trace=recording.path)
    hub = prepare(program, arguments, options)
    _sim_watchdog.start(hub, options.watchdog_s)
    code = hub.run(lambda: run_program(hub, program))
    _sim_watchdog.stop()
    sys.stdout.flush()
    hub.world.flush_trace()
    recording.finish()
    print(hub.world.report()["text"].rstrip(), file=errors)
    print(f"trace hash {hub.world.trace_hash()}", file=errors, flush=True)
    return code


def prepare(program: str, arguments: Sequence[str], options: SimOptions) -> Hub:
    """Enters a simulated world in which the program can run.

    Raises:
        ValueError: An option is wrong.
    """
    hub = _sim_setup.enter(options)
    sys.stdout, sys.stderr = hub.worker_streams
    _program.prepare(program, arguments)
    alias.install()
    return hub


def run_program(hub: Hub, program: str) -> int:
    """Runs the program as the driver, up to what the interpreter does at its end."""
    code = _program.execute(program)
    finish_threads(hub.driver)
    atexit._run_exitfuncs()
    return code
