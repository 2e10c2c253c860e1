# SPDX-License-Identifier: Apache-2.0
"""A simulated process's runtime: its requests wait in the hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from mobula._runtime import Runtime
from mobula._sim_hub import Hub
from mobula._sim_process import current
from mobula._time_line import NodeTimes
from mobula.exceptions import LocalRayletDiedError


class SimRuntime(Runtime):
    """The runtime of one simulated driver or worker."""

    def __init__(self, hub: Hub, worker: str, *, log_to_driver: bool = True) -> None:
        """Wraps the process that the world calls `worker`."""
        core = hub.world.process(worker)
        super().__init__(core)
        self._core = core
        self.worker = worker
        self.log_to_driver = log_to_driver
        self._hub = hub

    def await_request(self, request: int) -> Any:
        """Suspends the calling greenlet until the world has answered."""
        self._check_connected()
        return self._hub.await_request(self._core, self.worker, request)

    def mark_span(self, started: float, text: str) -> None:
        """In virtual time."""
        process = current()
        if process is not None:
            self._hub.times.mark(process, round(started * 1e9), text)

    def time_line(self) -> list[NodeTimes]:
        """Of the whole simulation, in virtual time."""
        return self._hub.times.nodes()

    async def await_request_async(self, post: Callable[[int], None]) -> Any:
        """Suspends the calling coroutine; its event loop goes on."""
        loop = asyncio.get_running_loop()
        answer = loop.create_future()

        def tell(value: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, answer, value)

        self._check_connected()
        request = self.process.next_request()
        post(request)
        taken = self._core.try_take(request)
        if taken is not None:
            return taken[0]
        self._hub.when_completed(self.worker, request, tell)
        try:
            return await answer
        except BaseException:
            if self._hub.forget(self.worker, request):
                self.process.abandon(request)
            raise

    def resolve_environment(self, env: Mapping[str, Any]) -> dict[str, Any]:
        """Folders are not packed: all nodes are on this machine."""
        from mobula._environments.sim import resolve_in_place

        return resolve_in_place(self, env)

    def workers(self) -> list[dict[str, Any]]:
        """As the simulator knows them: whether one is idle, its raylet knows only."""
        return [
            {
                "worker": process.worker,
                "pid": process.pid,
                "state": "driver" if process.is_driver else "worker",
                "job": "" if process.runtime is None else process.runtime.identity["job"],
                "running": "",
                "blocked": False,
                "runtime_env": ""
                if process.runtime is None or not process.runtime.environment
                else json.dumps(process.runtime.environment, sort_keys=True),
                "node": self._hub.world.node_id(process.node),
            }
            for process in self._hub.living_processes()
        ]

    def is_connected(self) -> bool:
        """Returns whether the cluster runs: a driver may outlive it."""
        return bool(self._core.is_connected())

    def _check_connected(self) -> None:
        if not self.is_connected():
            raise LocalRayletDiedError("the simulated cluster of this program has ended")


def _answer(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
