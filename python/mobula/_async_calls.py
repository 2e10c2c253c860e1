# SPDX-License-Identifier: Apache-2.0
"""The calls of an asyncio actor in a worker process of the real world."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import threading

from mobula import _core
from mobula._executor import Executor
from mobula._worker import leave


class AsyncCalls:
    """Calls of an asyncio actor, on one event loop in a thread of its own.

    The runtime hands out no more of them at once than the actor allows.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # Taken from the runtime; the loop is told once for all that it has not looked at.
        self._arrived: collections.deque[_core.RunningTask] = collections.deque()
        self._is_told = False
        self._calls: dict[asyncio.Task[None], _core.RunningTask] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run_loop, name="mobula-asyncio", daemon=True).start()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        except BaseException as error:
            leave(error)

    def start(self, task: _core.RunningTask) -> None:
        self._arrived.append(task)
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._start_arrived)

    def _start_arrived(self) -> None:
        # First, so that whatever comes from here on is told again.
        self._is_told = False
        while self._arrived:
            task = self._arrived.popleft()
            call = self._loop.create_task(
                self._executor.run_async(task), context=contextvars.Context()
            )
            self._calls[call] = task
            call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        del self._calls[call]
        error = call.exception()
        if error is not None:
            leave(error)

    def interrupt(self, task: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: str) -> None:
        for call, running in self._calls.items():
            if running.task == task:
                # After its first step: a coroutine that has not begun never reports its end.
                self._loop.call_soon(call.cancel)
