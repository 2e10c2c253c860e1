# SPDX-License-Identifier: Apache-2.0
"""A first-in, first-out queue that tasks and actors share."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterable
from typing import Any

import mobula

__all__ = ["Empty", "Full", "Queue"]


class Empty(queue.Empty):
    """There is nothing to take."""


class Full(queue.Full):
    """There is no room."""


class _QueueActor:
    """The queue itself."""

    def __init__(self, maxsize: int) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue(maxsize)
        self._maxsize = maxsize

    def size(self) -> int:
        return self._items.qsize()

    async def put(self, item: Any, timeout: float | None) -> None:
        try:
            await asyncio.wait_for(self._items.put(item), timeout)
        except TimeoutError:
            raise Full from None

    async def get(self, timeout: float | None) -> Any:
        try:
            return await asyncio.wait_for(self._items.get(), timeout)
        except TimeoutError:
            raise Empty from None

    def put_all(self, items: list[Any]) -> None:
        if self._maxsize and self._items.qsize() + len(items) > self._maxsize:
            raise Full(f"{len(items)} items do not fit: {self._items.qsize()} are there already")
        for item in items:
            self._items.put_nowait(item)

    def get_all(self, count: int) -> list[Any]:
        if count > self._items.qsize():
            raise Empty(f"{count} items were asked for, {self._items.qsize()} are there")
        return [self._items.get_nowait() for _ in range(count)]


class Queue:
    """Works like ``queue.Queue``; handing it to a task shares it.

    >>> from mobula.util.queue import Queue
    >>> queue = Queue(maxsize=2, actor_options={"num_cpus": 0})
    >>> queue.put("first")
    >>> queue.get(), queue.empty()
    ('first', True)
    """

    def __init__(self, maxsize: int = 0, actor_options: dict[str, Any] | None = None) -> None:
        """With ``maxsize`` 0 there is always room. The options are those of the actor behind it."""
        if isinstance(maxsize, bool) or not isinstance(maxsize, int):
            raise TypeError(f"maxsize must be an int, got {maxsize!r}")
        self.maxsize = maxsize
        actor_class = mobula.remote(_QueueActor).options(**(actor_options or {}))
        self.actor = actor_class.remote(maxsize)

    def __len__(self) -> int:
        """How many items there are."""
        return self.qsize()

    def qsize(self) -> int:
        """How many items there are."""
        return int(mobula.get(self.actor.size.remote()))

    size = qsize

    def empty(self) -> bool:
        """Whether there are none."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether there is no room."""
        return 0 < self.maxsize <= self.qsize()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Adds an item; waits for room, at most ``timeout`` seconds, or raises ``Full``."""
        if not block:
            self.put_nowait(item)
            return
        mobula.get(self.actor.put.remote(item, _checked(timeout)))

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Takes the oldest item; waits at most ``timeout`` seconds, or raises ``Empty``."""
        if not block:
            return self.get_nowait()
        return mobula.get(self.actor.get.remote(_checked(timeout)))

    async def put_async(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """As ``put``, for coroutines."""
        if block:
            await self.actor.put.remote(item, _checked(timeout))
        else:
            await self.actor.put_all.remote([item])

    async def get_async(self, block: bool = True, timeout: float | None = None) -> Any:
        """As ``get``, for coroutines."""
        if block:
            return await self.actor.get.remote(_checked(timeout))
        return (await self.actor.get_all.remote(1))[0]

    def put_nowait(self, item: Any) -> None:
        """As ``put``, without waiting."""
        try:
            self.put_nowait_batch([item])
        except Full as error:
            # Its own, and not that of a task.
            raise Full(*error.args) from None

    def get_nowait(self) -> Any:
        """As ``get``, without waiting."""
        try:
            return self.get_nowait_batch(1)[0]
        except Empty as error:
            raise Empty(*error.args) from None

    def put_nowait_batch(self, items: Iterable[Any]) -> None:
        """Adds all of the items, or none and raises ``Full``."""
        if not isinstance(items, Iterable):
            raise TypeError(f"Argument 'items' must be an Iterable, got {items!r}")
        mobula.get(self.actor.put_all.remote(list(items)))

    def get_nowait_batch(self, num_items: int) -> list[Any]:
        """Takes so many items, or none and raises ``Empty``."""
        if isinstance(num_items, bool) or not isinstance(num_items, int):
            raise TypeError(f"Argument 'num_items' must be an int, got {num_items!r}")
        if num_items < 0:
            raise ValueError(f"'num_items' must be nonnegative, got {num_items}")
        items: list[Any] = mobula.get(self.actor.get_all.remote(num_items))
        return items

    def shutdown(self, force: bool = False, grace_period_s: float = 5) -> None:
        """Ends the actor behind it; without ``force`` after the calls that it has accepted."""
        if not force:
            mobula.wait([self.actor.__ray_terminate__.remote()], timeout=grace_period_s)
        mobula.kill(self.actor)


def _checked(timeout: float | None) -> float | None:
    if timeout is not None and timeout < 0:
        raise ValueError(f"'timeout' must be a non-negative number, or None; got {timeout}")
    return timeout
