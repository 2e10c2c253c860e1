# SPDX-License-Identifier: Apache-2.0
"""The calls of an asyncio actor in a worker process of the real world."""

from __future__ import annotations

import asyncio
import contextvars
import selectors
import threading
from collections.abc import Callable, Sequence

from mobula import _core
from mobula._executor import Executor
from mobula._worker import leave

_Event = _core.RunningTask | str


class AsyncCalls:
    """Calls of an asyncio actor, on one event loop in a thread of its own.

    The loop waits through the runtime: a call that comes needs no other thread. The runtime hands
    out no more of them at once than the actor allows.
    """

    def __init__(
        self, process: _core.HostProcess, executor: Executor, first: _core.RunningTask
    ) -> None:
        self._executor = executor
        self._calls: dict[asyncio.Task[None], _core.RunningTask] = {}
        self._loop = asyncio.SelectorEventLoop(_Selector(process, self._take))
        self._loop.call_soon(self._take, [first])

    def run(self) -> None:
        """Until the process is told to leave."""
        loop = threading.Thread(target=self._run_loop, name="mobula-asyncio", daemon=True)
        loop.start()
        loop.join()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        except BaseException as error:
            leave(error)

    def _take(self, events: Sequence[_Event] | None) -> None:
        if events is None:
            self._loop.stop()
            return
        for event in events:
            if isinstance(event, str):
                self._cancel(event)
            else:
                self._start(event)

    def _start(self, task: _core.RunningTask) -> None:
        call = self._loop.create_task(self._executor.run_async(task), context=contextvars.Context())
        self._calls[call] = task
        call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        del self._calls[call]
        error = call.exception()
        if error is not None:
            leave(error)
        if self._executor.has_left:
            # Whatever else runs on the loop would keep the actor.
            for other in self._calls:
                self._loop.call_soon(other.cancel)

    def _cancel(self, task: str) -> None:
        for call, running in self._calls.items():
            if running.task == task:
                # After its first step: a coroutine that has not begun never reports its end.
                self._loop.call_soon(call.cancel)


class _Selector(selectors.EpollSelector):
    """Waits for the files of a loop, and for calls."""

    def __init__(
        self, process: _core.HostProcess, take: Callable[[Sequence[_Event] | None], None]
    ) -> None:
        super().__init__()
        self._process = process
        self._take = take

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As of any selector; what has come for the actor it hands on itself."""
        events = self._process.next_tasks(self.fileno(), timeout)
        # Most often none.
        if events or events is None:
            self._take(events)
        return super().select(0)
