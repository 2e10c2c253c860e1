# SPDX-License-Identifier: Apache-2.0
"""One run of a program on the real runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import mobula
from mobula import _cluster_run, _program, alias
from mobula._trace.recording import Recording

# Names the folder in which each process of a cluster writes its part of the trace.
_TRACE_FOLDER = "MOBULA_TRACE_DIR"


def run(program: str, arguments: Sequence[str], trace_html: str, cluster: dict[str, Any]) -> int:
    """Runs a program; returns its exit code.

    Args:
        program: Its file.
        arguments: Its own.
        trace_html: Where the page of the run is to be written; empty for nowhere.
        cluster: Fields of ClusterOptions: it runs on nodes that are started for it. Empty: in this
            process.

    Raises:
        ValueError: The page cannot be written, or the plan is wrong.
    """
    trace = os.environ.get(_TRACE_FOLDER, "")
    recording = Recording(trace, trace_html, os.path.basename(program), folder=True)
    if recording.path:
        os.makedirs(recording.path, exist_ok=True)
        os.environ[_TRACE_FOLDER] = recording.path
    if cluster:
        code = _cluster_run.run(program, arguments, _cluster_run.ClusterOptions(**cluster))
    else:
        alias.install()
        _program.prepare(program, arguments)
        code = _program.execute(program)
    if trace_html:
        # The daemons and workers have written their last lines when they have ended.
        mobula.shutdown()
        recording.finish()
    return code
