# SPDX-License-Identifier: Apache-2.0
"""asyncio on virtual time: event loops that wait in the simulation, not in the kernel."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from asyncio import base_events
from typing import TYPE_CHECKING, Any

from mobula import _sim_process
from mobula._virtual_patch import on_undo, put

if TYPE_CHECKING:
    from mobula._sim_hub import Hub


def install(hub: Hub) -> None:
    """Makes every new event loop a virtual one, and the current loop that of the process."""

    class Loop(VirtualEventLoop):
        def __init__(self) -> None:
            super().__init__(hub)

    class Policy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = Loop

        # The base class's own was made before there were virtual threads.
        class _Local(threading.local):
            _loop: asyncio.AbstractEventLoop | None = None
            _set_called = False

    # Read, not asked for: asking would make one.
    before = asyncio.events._event_loop_policy  # type: ignore[attr-defined]
    on_undo(lambda: asyncio.set_event_loop_policy(before))
    asyncio.set_event_loop_policy(Policy())
    put(asyncio, "SelectorEventLoop", Loop)


class VirtualEventLoop(base_events.BaseEventLoop):
    """An event loop whose only events are its callbacks, its timers and calls from threads."""

    def __init__(self, hub: Hub) -> None:
        """Makes a loop that waits in `hub`."""
        super().__init__()
        self._hub = hub
        self._called = False
        self._waiter: _sim_process.Waiter | None = None
        # The base class waits by its selector.
        self._selector = self

    def __del__(self) -> None:
        """Does not complain of being unclosed: so are the loops of processes that died."""

    def select(self, timeout: float | None) -> list[Any]:
        """Waits for `timeout` seconds, or until another thread has called."""
        if not self._called and timeout != 0:
            self._waiter = _sim_process.Waiter()
            try:
                self._hub.wait(self._waiter, None if timeout is None else math.ceil(timeout * 1e9))
            finally:
                self._waiter = None
        self._called = False
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none: a virtual loop watches no files."""

    def _write_to_self(self) -> None:
        self._called = True
        if self._waiter is not None:
            self._hub.wake(self._waiter)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        _sim_process.refuse("asyncio's networking and pipes", "remote calls between actors")

    _make_socket_transport = _make_datagram_transport = _refuse
    _make_read_pipe_transport = _make_write_pipe_transport = _refuse
    _make_subprocess_transport = _make_ssl_transport = _refuse
    create_connection = create_server = create_datagram_endpoint = _refuse
    add_reader = add_writer = _refuse  # type: ignore[assignment]


class SuspendedLoop:
    """Takes the running event loop out of the thread while its greenlet is switched away.

    asyncio keeps it for each thread of the operating system, and all greenlets share one.
    """

    __slots__ = ("_hooks", "_loop")

    def __init__(self) -> None:
        """Takes out what runs, if anything does."""
        self._loop = asyncio._get_running_loop()
        if self._loop is not None:
            self._hooks = sys.get_asyncgen_hooks()
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(None, None)

    def resume(self) -> None:
        """Puts it back."""
        if self._loop is not None:
            asyncio._set_running_loop(self._loop)
            sys.set_asyncgen_hooks(*self._hooks)
