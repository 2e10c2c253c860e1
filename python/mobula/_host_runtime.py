# SPDX-License-Identifier: Apache-2.0
"""A process of the real world: how it waits."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from mobula import _core
from mobula._runtime import Runtime
from mobula.exceptions import LocalRayletDiedError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mobula._cluster.query import Access
    from mobula._time_line import NodeTimes


class HostRuntime(Runtime):
    """A driver or worker on this machine, connected to the daemon of its node."""

    process: _core.HostProcess

    def __init__(self, process: _core.HostProcess) -> None:
        """``process`` is connected."""
        super().__init__(process)
        self._completions = _Completions(process)

    def await_request(self, request: int) -> Any:
        """Blocks the calling thread; the main thread wakes for signals."""
        try:
            return self.process.await_(request)
        except _core.Disconnected as error:
            raise LocalRayletDiedError(str(error)) from None
        except BaseException:
            self.process.abandon(request)
            raise

    def mark_span(self, started: float, text: str) -> None:
        """Onto the page that the daemon reads."""
        self.process.mark_span(started, self.process.now(), text)

    def time_line(self) -> list[NodeTimes]:
        """Asks the daemons; those that do not answer are left out."""
        # Not above: few programs ask.
        from mobula import _time_line

        access = self.access()
        alive = [node for node in access.nodes() if node["alive"]]
        return _time_line.ask_cluster(access, alive)[0]

    def workers(self) -> list[dict[str, Any]]:
        """Asks the daemons; those that do not answer are left out."""
        access = self.access()
        alive = [node for node in access.nodes() if node["alive"]]
        return [
            {**worker, "node": node["info"]["node"]}
            for node, answer in access.ask_nodes("/api/workers", alive)
            if not isinstance(answer, Exception)
            for worker in answer
        ]

    def access(self) -> Access:
        """What asks the daemons of this cluster."""
        # Not above: few programs ask.
        from mobula._cluster import query

        return query.of_session(str(self.identity["node"]["details"]["session_dir"]))

    async def await_request_async(self, post: Callable[[int], None]) -> Any:
        """Suspends the calling coroutine."""
        # Not above: it is a third of what a worker imports, and few await anything.
        import asyncio

        request, answer = self._completions.expect()
        post(request)
        try:
            return await answer
        except asyncio.CancelledError:
            self._completions.forget(request)
            self.process.abandon(request)
            raise


class _Completions:
    """Takes answers to event loops: the runtime makes one descriptor readable for all of them."""

    def __init__(self, process: _core.HostProcess) -> None:
        self._process = process
        self._lock = threading.Lock()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    def expect(self) -> tuple[int, asyncio.Future[Any]]:
        """A number for a request, and what its answer will fulfil in the running loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        request = self._process.next_request()
        with self._lock:
            self._waiting[request] = answer
            is_new = loop not in self._loops
            self._loops.add(loop)
        if is_new:
            loop.add_reader(self._process.completion_fd(), self._deliver)
        self._process.notify_through_fd(request)
        return request, answer

    def forget(self, request: int) -> None:
        """The coroutine went away."""
        with self._lock:
            self._waiting.pop(request, None)

    def _deliver(self) -> None:
        # Any loop may be the one that sees the descriptor first.
        for request in self._process.take_notified():
            taken = self._process.try_take(request)
            with self._lock:
                answer = self._waiting.pop(request, None)
            if answer is None or taken is None:
                continue
            loop = answer.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_fulfil, answer, taken[0])


def _fulfil(answer: asyncio.Future[Any], value: Any) -> None:
    if not answer.done():
        answer.set_result(value)
