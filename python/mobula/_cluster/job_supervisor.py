# SPDX-License-Identifier: Apache-2.0
"""The actor on the head's node that runs the driver of one job."""

from __future__ import annotations

import io
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import zipfile
from typing import Any

import mobula
from mobula import _daemon

NAMESPACE = "_mobula_jobs"
# Run as a file: it needs nothing of the package.
_RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "job_runner.py")


def actor_name(job: str) -> str:
    """Of the supervisor of a job."""
    return f"supervisor of {job}"


def record_file(job: str) -> str:
    """What is known of a job, beside the logs of its node."""
    return f"job-{job}.json"


def log_file(job: str) -> str:
    """What the driver writes; what came before lies in files of that name and .1, .2, ..."""
    return f"job-{job}.log"


def _log_limits() -> tuple[str, str]:
    """How much of a job's log is kept: as of the logs of the node's workers."""
    bytes_max = _daemon.number_in("RAY_ROTATION_MAX_BYTES")
    older_max = _daemon.number_in("RAY_ROTATION_BACKUP_COUNT")
    return str(64 << 20 if bytes_max is None else bytes_max), str(
        3 if older_max is None else older_max
    )


class Supervisor:
    """Starts the driver, keeps the job's record, and ends with the driver."""

    def __init__(self, session: str, record: dict[str, Any]) -> None:
        """``session`` is the node's folder; ``record`` says what the job is."""
        self._session = session
        self._record = record
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def start(
        self, command: list[str], address: str, variables: dict[str, str], archive: bytes | None
    ) -> None:
        """Returns when the driver runs."""
        job = self._record["job"]
        folder = os.path.join(self._session, "jobs", job)
        os.makedirs(folder)
        if archive is not None:
            with zipfile.ZipFile(io.BytesIO(archive)) as file:
                file.extractall(folder)
        environment = _daemon.child_environment()
        # `python` and `mobula` are the cluster's.
        environment["PATH"] = os.pathsep.join(
            [os.path.dirname(sys.executable), environment.get("PATH", os.defpath)]
        )
        environment.update(variables)
        environment["RAY_ADDRESS"] = address
        environment["PYTHONUNBUFFERED"] = "1"
        log = pathlib.Path(self._session, "logs", log_file(job))
        # The runner takes a while to start, and a job that runs has a log to follow.
        log.touch()
        self._process = subprocess.Popen(
            # -P: what lies in the job's folder is the command's, not the runner's.
            [sys.executable, "-P", _RUNNER, str(log), *_log_limits(), *command],
            stdin=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self._write(state="RUNNING", started=time.time())
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Asks the driver to end; it is killed if it does not."""
        self._stopping = True
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(b"s")
                self._process.stdin.flush()
            except BrokenPipeError:
                # It has just ended by itself.
                return

    def _watch(self) -> None:
        assert self._process is not None
        code = self._process.wait()
        outcome = "SUCCEEDED" if code == 0 else "FAILED"
        self._write(
            state="STOPPED" if self._stopping else outcome, ended=time.time(), exit_code=code
        )
        mobula.kill(mobula.get_actor(actor_name(self._record["job"]), namespace=NAMESPACE))

    def _write(self, **news: Any) -> None:
        self._record.update(news)
        path = os.path.join(self._session, "logs", record_file(self._record["job"]))
        with open(path + ".new", "w") as file:
            json.dump(self._record, file)
        os.rename(path + ".new", path)
