# SPDX-License-Identifier: Apache-2.0
"""One test with one seed, in a process that was forked for it."""

from __future__ import annotations

import faulthandler
import os
import pathlib
import sys
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from mobula import _core, _sim_setup, _sim_watchdog
from mobula._sim_hub import Hub
from mobula._sim_options import SimOptions
from mobula._virtual_threads import finish_threads


def run(
    item: pytest.Item,
    hub: Hub,
    options: SimOptions,
    folder: pathlib.Path,
    output: int,
    errors: int,
) -> dict[str, Any]:
    """Runs the test as the driver of a new world.

    Returns what the parent is told. `folder` is for its temporary files; `errors` is where last
    words go; standard output is `output` already.
    """
    config = item.config
    _capture_anew(config, errors)
    last_words = os.fdopen(errors, "w", closefd=False)
    faulthandler.enable(last_words)
    _core.report_failed_checks(errors)
    _use_folder(config, folder)
    _sim_setup.begin(hub, options)
    _sim_watchdog.start(hub, options.watchdog_s, last_words)
    reports: list[pytest.TestReport] = []

    def main() -> int:
        reports.extend(runtestprotocol(item, log=False, nextitem=None))
        finish_threads(hub.driver)
        return 0

    code = hub.run(main)
    _sim_watchdog.stop()
    hub.world.flush_trace()
    sys.stdout.flush()
    if not hub.driver.alive:
        # It ended its own process: whatever was reported while that unwound is not so.
        reports.clear()
    to_data = config.hook.pytest_report_to_serializable
    return {
        "reports": [to_data(config=config, report=report) for report in reports],
        "exit_code": code,
        "hash": hub.world.trace_hash(),
        "report": hub.world.report(),
        "virtual_s": hub.now_ns() / 1e9,
        "faults": hub.world.faults_happened(),
    }


def _capture_anew(config: pytest.Config, errors: int) -> None:
    """Gives this process captured files of its own: those of the parent are shared with it."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None or not capture.is_globally_capturing():
        return
    out, err = os.dup(1), os.dup(2)
    capture.suspend_global_capture(in_=True)
    capture.read_global_capture()
    capture.stop_global_capturing()
    os.dup2(out, 1)
    os.dup2(err, 2)
    capture.start_global_capturing()
    # The hook that is under way has resumed capturing already in the parent.


def _use_folder(config: pytest.Config, folder: pathlib.Path) -> None:
    """Makes tmp_path and its like lie in `folder`."""
    folder.mkdir(mode=0o700)
    config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]
