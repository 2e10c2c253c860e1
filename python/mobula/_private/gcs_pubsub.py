# SPDX-License-Identifier: Apache-2.0
"""Errors and workers' output as Ray tells them to drivers, for tests that listen.

Ray sends errors through a channel of its own. Here a subscriber finds them where they show: in the
nodes, in the tasks and warnings of this process, and in the key-value store, where ``publish``
leaves them.
"""

from __future__ import annotations

import json
import queue
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from mobula import _errors, _logs
from mobula._cluster_view import node_views
from mobula._private.ray_constants import (
    REMOVED_NODE_ERROR,
    TASK_PUSH_ERROR,
    WORKER_DIED_PUSH_ERROR,
)
from mobula._runtime import current
from mobula.exceptions import RayActorError

__all__ = ["ErrorSubscriber", "LogSubscriber", "publish"]

# Of the key-value store.
_SPACE = "published_errors"
_POLL_S = 0.02

# How the death reason of a node begins that left in order.
_LEFT = "it left"
# The kinds of error that mean that the worker of a task is gone.
_WORKER_ENDS = {"kWorkerCrashed", "kNodeDied", "kActorDied", "kActorUnavailable"}


def publish(error_type: str, message: str) -> None:
    """Tells an error to every subscriber."""
    value = json.dumps({"type": error_type, "error_message": message}).encode()
    current().runtime.ask_kv("kPut", _SPACE, f"{time.time_ns():020}/{uuid.uuid4()}", value)


class ErrorSubscriber:
    """The errors of the cluster, as dicts of ``type``, ``error_message`` and ``job_id``."""

    def __init__(self) -> None:
        """Tells what happens from now on."""
        self._sources: list[Callable[[], Iterator[tuple[Any, str, str]]]] = [
            _failed_tasks,
            _dead_nodes,
            _warnings,
            _published,
        ]
        self._seen = {key for source in self._sources for key, _, _ in source()}
        self._found: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def poll(self, timeout: float | None = None) -> tuple[bytes | None, dict[str, Any]]:
        """A key, which says nothing here, and the error; (None, {}) when none came in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._found.empty():
            self._look()
            if self._found.empty():
                if deadline is not None and time.monotonic() > deadline:
                    return None, {}
                time.sleep(_POLL_S)
        return b"", self._found.get()

    def close(self) -> None:
        """Nothing to do: it only looks when it is asked."""

    def _look(self) -> None:
        for source in self._sources:
            for key, error_type, message in source():
                if key not in self._seen:
                    self._seen.add(key)
                    self._found.put(
                        {
                            "job_id": current().runtime.identity["job"],
                            "type": error_type,
                            "error_message": message,
                        }
                    )


def _failed_tasks() -> Iterator[tuple[Any, str, str]]:
    """Of the tasks that this process submitted: those that raised, or whose worker died."""
    process: Any = current().runtime.process
    for failed in process.failed_tasks():
        error = _errors.of_payload(failed["failure"])
        key = ("task", failed["number"])
        is_exception = failed["failure"]["kind"] == "kException"
        if is_exception and isinstance(error, RayActorError):
            # It left on purpose, or was called by one that passes the error on.
            continue
        if is_exception:
            yield key, TASK_PUSH_ERROR, str(error)
        elif failed["failure"]["error"]["kind"] in _WORKER_ENDS:
            message = f"A worker died or was killed while executing a task: {error}"
            yield key, WORKER_DIED_PUSH_ERROR, message


def _dead_nodes() -> Iterator[tuple[Any, str, str]]:
    """Those that did not leave in order."""
    for view in node_views():
        info = view["info"]
        if view["alive"] or view["death_reason"].startswith(_LEFT):
            continue
        yield (
            ("node", info["node"]),
            REMOVED_NODE_ERROR,
            f"The node with node id: {info['node']} and address: {info['address']} and node name: "
            f"{info['name']} has been marked dead because the detector has missed too many "
            f"heartbeats from it: {view['death_reason']}.",
        )


def _warnings() -> Iterator[tuple[Any, str, str]]:
    for one in _logs.warnings:
        if one.kind:
            yield ("warning", one.number), one.kind, one.message


def _published() -> Iterator[tuple[Any, str, str]]:
    runtime = current().runtime
    for key in sorted(runtime.ask_kv("kKeys", _SPACE, "")["keys"]):
        error = json.loads(bytes(runtime.ask_kv("kGet", _SPACE, key)["value"]))
        yield ("published", key), error["type"], error["error_message"]


class LogSubscriber:
    """What workers write, as dicts of ``pid``, ``lines`` and what else is known."""

    def __init__(self) -> None:
        """Tells what the driver is shown from now on, whether it prints it or not."""
        self._batches: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        _logs.listeners.append(self._batches.put)

    def poll(self, timeout: float | None = None) -> dict[str, Any]:
        """The lines of one worker; empty when none came in time."""
        try:
            logs = self._batches.get(timeout=timeout)
        except queue.Empty:
            return {}
        return {**logs, "job": current().runtime.identity["job"], "ip": logs["node_name"]}

    def close(self) -> None:
        """Listens no more."""
        if self._batches.put in _logs.listeners:
            _logs.listeners.remove(self._batches.put)
