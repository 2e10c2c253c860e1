# SPDX-License-Identifier: Apache-2.0
"""Runs functions in forked copies of this process, several at once, and collects what they return.

For simulations: what has happened before the fork is shared, what happens after it is not.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable, Hashable, Iterator

# The virtual world replaces these in their modules.
from os import _exit, fork, getpid, kill
from time import monotonic
from typing import Any

from mobula._parent import die_with

_poll = select.poll
# A child's exit code when its function has raised.
_RAISED = 70


@dataclasses.dataclass(frozen=True)
class Ended:
    """What has become of a child."""

    key: Hashable
    # What the function returned; None when the child ended in another way.
    value: Any
    # As subprocess gives it: -9 for a child that was killed.
    returncode: int
    stdout: str
    stderr: str
    timed_out: bool
    # Real ones.
    seconds: float


@dataclasses.dataclass
class _Child:
    key: Hashable
    pid: int
    pidfd: int
    # Its result, standard output and standard error.
    files: tuple[int, int, int]
    started: float
    timed_out: bool = False


class Forks:
    """Children of this process, at most `jobs` at once."""

    def __init__(self, jobs: int, timeout_s: float) -> None:
        """A child that runs for longer than `timeout_s` of real time is killed."""
        self._jobs = max(1, jobs)
        self._timeout_s = timeout_s
        self._children: dict[int, _Child] = {}
        self._ended: list[Ended] = []

    def start(self, key: Hashable, run: Callable[[int, int], Any]) -> None:
        """Calls `run` in a child, with the files for its standard output and error.

        They are its standard output and error already. Waits while too many others run.
        """
        while len(self._children) >= self._jobs:
            self._reap(block=True)
        files = tuple(os.memfd_create(name) for name in ("result", "stdout", "stderr"))
        sys.stdout.flush()
        sys.stderr.flush()
        started = monotonic()
        parent = getpid()
        pid = fork()
        if pid == 0:
            die_with(parent)
            _run_child(run, *files)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = _Child(key, pid, pidfd, files, started)  # type: ignore[arg-type]

    def take_ended(self) -> list[Ended]:
        """Returns those that have ended since the last call."""
        self._reap(block=False)
        ended, self._ended = self._ended, []
        return ended

    def wait(self) -> Iterator[Ended]:
        """Yields every child when it has ended, until there is none."""
        while True:
            yield from self.take_ended()
            if not self._children:
                return
            self._reap(block=True)

    def kill_all(self) -> None:
        """Ends all children; nothing is told of them."""
        for child in self._children.values():
            kill(child.pid, signal.SIGKILL)
        while self._children:
            self._reap(block=True)
        self._ended.clear()

    def _reap(self, block: bool) -> None:
        poll = _poll()
        for pidfd in self._children:
            poll.register(pidfd, select.POLLIN)
        for pidfd, _ in poll.poll(1000 if block else 0):
            self._ended.append(_result_of(self._children.pop(pidfd)))
        for child in self._children.values():
            if not child.timed_out and monotonic() - child.started > self._timeout_s:
                child.timed_out = True
                kill(child.pid, signal.SIGKILL)


def _run_child(run: Callable[[int, int], Any], result: int, out: int, err: int) -> None:
    code = _RAISED
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        _write_all(result, pickle.dumps(run(out, err)))
        code = 0
    except BaseException:
        os.write(err, traceback.format_exc().encode())
    finally:
        _exit(code)


def _write_all(file: int, data: bytes) -> None:
    with io.FileIO(file, "wb", closefd=False) as stream:
        view = memoryview(data)
        while view:
            view = view[stream.write(view) :]


def _result_of(child: _Child) -> Ended:
    _, status = os.waitpid(child.pid, 0)
    os.close(child.pidfd)
    result, out, err = (_take_contents(file) for file in child.files)
    returncode = os.waitstatus_to_exitcode(status)
    return Ended(
        key=child.key,
        value=pickle.loads(result) if returncode == 0 and result else None,
        returncode=returncode,
        stdout=out.decode(errors="replace"),
        stderr=err.decode(errors="replace"),
        timed_out=child.timed_out,
        seconds=monotonic() - child.started,
    )


def _take_contents(file: int) -> bytes:
    """Reads a file from its beginning, and closes it."""
    with open(file, "rb") as stream:
        stream.seek(0)
        return stream.read()
