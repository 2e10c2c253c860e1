# SPDX-License-Identifier: Apache-2.0
"""The actor that lives in a worker, from the inside."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _core, _logs
from mobula._actor_handle import (
    CALL,
    READY,
    TERMINATE,
    ActorDescription,
    ActorHandle,
    ActorState,
)
from mobula._options import extras_of
from mobula._placement import Placement

if TYPE_CHECKING:
    from mobula._runtime import Runtime


class ActorHost:
    """The instance of an actor class, with its options."""

    def __init__(self, runtime: Runtime, creation: _core.RunningTask) -> None:
        """``creation`` is the task that runs the constructor."""
        options = creation.actor_options
        assert options is not None
        self._runtime = runtime
        self._description: bytes = options["handle_description"]
        self.actor_id = creation.actor
        self.name: str = options["name"]
        self.namespace: str = options["ray_namespace"]
        self.placement = Placement.of(creation)
        self.is_async: bool = options["is_async"]
        self.max_concurrency: int = options["max_concurrency"]
        # Calls that may run at once, by group; "" for those without one. Empty without groups.
        self.concurrency_groups: dict[str, int] = extras_of(creation.language_options).get(
            "concurrency_groups", {}
        )
        # What the actor holds as long as it lives.
        self.resources: dict[str, float] = dict(creation.resources)
        self.gpus = creation.gpus
        # Attempts before this one are restarts of the actor.
        self.was_restarted = creation.attempt > 0
        self._warned: set[str] = set()
        # Set before its constructor runs.
        self.instance: Any = None

    @property
    def is_concurrent(self) -> bool:
        """Whether calls may overlap."""
        return self.is_async or self.max_concurrency > 1

    def repr(self) -> str:
        """What the instance says of itself; empty until it is there."""
        if self.instance is None:
            return ""
        try:
            return repr(self.instance)
        except Exception as error:
            return f"<repr() of the actor failed: {type(error).__name__}>"

    def watch_end(self) -> None:
        """To be called once the instance is made: what it does at the end of its process.

        An exit handler, as it runs when those do: when the actor leaves in order, and not when it
        is killed. It runs before those that the constructor has registered.
        """
        shut_down = getattr(self.instance, "__ray_shutdown__", None)
        if callable(shut_down):
            atexit.register(shut_down)

    def group_of(self, call: _core.RunningTask) -> str:
        """The concurrency group that it is called in."""
        options = call.language_options
        group: str = extras_of(options).get("concurrency_group", "") if options else ""
        return group

    def method(self, name: str) -> Callable[..., Any]:
        """What a call of the method runs."""
        if name == READY:
            return lambda: True
        if name == TERMINATE:
            return _terminate
        if name == CALL:
            return self._call
        method: Callable[..., Any] = getattr(self.instance, name)
        return method

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(self.instance, *args, **kwargs)

    def warn_of_blocking(self, call: str, instead: str) -> None:
        """Once, when `call` is about to block the event loop of an asyncio actor."""
        if not self.is_async or call in self._warned:
            return
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A thread that the actor has started.
            return
        self._warned.add(call)
        _logs.warn(
            f"Using blocking ray.{call} inside async actor. This blocks the event loop. Please "
            f"use `{instead}` if you want to yield execution to the event loop instead."
        )

    def handle(self) -> ActorHandle:
        """The actor's own handle, which does not keep it alive."""
        description = ActorDescription.from_bytes(self._description)
        return ActorHandle(ActorState(self._runtime, self.actor_id, None, description))


def _terminate() -> NoReturn:
    from mobula._actor import exit_actor

    exit_actor()
