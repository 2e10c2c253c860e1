# SPDX-License-Identifier: Apache-2.0
"""Calls functions of the program when objects are there, from one thread for all of them."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mobula._core import ObjectRef
from mobula._runtime import current_task

if TYPE_CHECKING:
    import asyncio

    from mobula._runtime import Runtime


class Completions:
    """The event loop on which one process awaits objects for callbacks; it starts when needed."""

    def __init__(self, runtime: Runtime) -> None:
        """Of this process; its thread ends with it, or by ``stop``."""
        self._runtime = runtime
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, reference: ObjectRef, callback: Callable[[Any], Any]) -> None:
        """Calls ``callback`` with the value of the object, or with its error."""
        # Not above: it is most of what there is to import, and few programs use it.
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._run, args=(self._loop,), name="mobula-completions", daemon=True
                ).start()
            asyncio.run_coroutine_threadsafe(self._call(reference, callback), self._loop)

    def stop(self) -> None:
        """No callback is called any more."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _call(self, reference: ObjectRef, callback: Callable[[Any], Any]) -> None:
        # What the callback does belongs to this session, even if that is over by then.
        current_task.set(self._runtime.root)
        try:
            value = await reference
        except Exception as error:
            value = error
        try:
            callback(value)
        except Exception as error:
            traceback.print_exception(error)
