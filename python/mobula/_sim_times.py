# SPDX-License-Identifier: Apache-2.0
"""When tasks ran in a simulation: what the pages of processes are in the real world."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from mobula import _core
from mobula._sim_process import Process
from mobula._time_line import NodeTimes

# Of all processes; the oldest go first.
_KEPT = 10_000


@dataclasses.dataclass
class _Execution:
    process: Process
    # As a daemon tells it.
    row: dict[str, Any]


class SimTimes:
    """The last executions of a simulation, in virtual time."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Nothing has run."""
        self._now_ns = now_ns
        self._kept: collections.deque[_Execution] = collections.deque(maxlen=_KEPT)
        # Of attempts that are to run.
        self._arrived: dict[tuple[str, int], int] = {}

    def arrived(self, task: _core.RunningTask, at_ns: int) -> None:
        """An attempt is about to run, which was pushed to its process then."""
        self._arrived[task.task, task.attempt] = at_ns

    @contextlib.contextmanager
    def running(self, process: Process, task: _core.RunningTask) -> Iterator[None]:
        """Around an execution."""
        now = self._now_ns()
        row = {
            "name": task.name,
            "kind": {"kActorCall": "actor call", "kActorCreation": "actor creation"}.get(
                task.kind, "task"
            ),
            "arrived": self._arrived.pop((task.task, task.attempt), now),
            "started": now,
            "ended": None,
            "task": task.task,
            "attempt": task.attempt,
            "failed": False,
        }
        self._kept.append(_Execution(process, row))
        # Not when the process ends in the midst of it.
        yield
        row["ended"] = self._now_ns()

    def mark(self, process: Process, started_ns: int, text: str) -> None:
        """A span of the program's own, which ends now."""
        row = {
            "name": text,
            "kind": "mark",
            "arrived": started_ns,
            "started": started_ns,
            "ended": self._now_ns(),
        }
        self._kept.append(_Execution(process, row))

    def nodes(self) -> list[NodeTimes]:
        """By node and process."""
        nodes: dict[str, dict[int, dict[str, Any]]] = {}
        for execution in self._kept:
            process = execution.process
            rows = nodes.setdefault(process.node, {}).setdefault(
                process.pid,
                {
                    "worker": process.worker,
                    "pid": process.pid,
                    "is_driver": process.is_driver,
                    "alive": process.alive,
                    "executions": [],
                },
            )
            rows["executions"].append(execution.row)
        now = self._now_ns()
        return [
            NodeTimes(node, now, list(processes.values()))
            for node, processes in sorted(nodes.items())
        ]
