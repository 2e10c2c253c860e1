# SPDX-License-Identifier: Apache-2.0
"""Hooks around the tasks of Dask's graphs on the cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

from dask.callbacks import Callback

import mobula

__all__ = [
    "ProgressBarCallback",
    "RayCallback",
    "RayCallbacks",
    "RayDaskCallback",
    "local_ray_callbacks",
    "unpack_ray_callbacks",
]

Hook = Callable[..., Any]


class RayCallback(NamedTuple):
    """The hooks of one ``RayDaskCallback``; None for those that it has not."""

    # With (task, key, needed references by key), before a task is submitted. A value that is not
    # None stands for the task's result: nothing is submitted.
    ray_presubmit: Hook | None = None
    # The same and the reference, after it was.
    ray_postsubmit: Hook | None = None
    # In the worker, with (key, needed values), before the task runs; what it returns goes to
    # the next one, with (key, result, that).
    ray_pretask: Hook | None = None
    ray_posttask: Hook | None = None
    # With (references of the wanted results, the graph), when all are submitted.
    ray_postsubmit_all: Hook | None = None
    # With the results.
    ray_finish: Hook | None = None


class RayCallbacks(NamedTuple):
    """The hooks of several, by kind."""

    ray_presubmit_cbs: list[Hook]
    ray_postsubmit_cbs: list[Hook]
    # Pairs belong together, so of these two None stays in its place.
    ray_pretask_cbs: list[Hook | None]
    ray_posttask_cbs: list[Hook | None]
    ray_postsubmit_all_cbs: list[Hook]
    ray_finish_cbs: list[Hook]


class RayDaskCallback(Callback):
    """Hooks as arguments, or as methods of a subclass: their names with an underscore in front.

    In force while it is entered as a context, or from ``register`` to ``unregister``.

    >>> from mobula.util.dask import ray_dask_get
    >>> seen = []
    >>> with RayDaskCallback(ray_finish=seen.append):
    ...     _ = ray_dask_get({"x": (sum, [1, 2])}, "x")
    >>> seen
    [3]
    """

    ray_active: ClassVar[set[RayCallback]] = set()

    def __init__(self, **hooks: Any) -> None:
        """Dask's own hooks may be given, too."""
        for name in RayCallback._fields:
            hook = hooks.pop(name, None)
            if hook is not None:
                setattr(self, f"_{name}", hook)
        super().__init__(**hooks)  # type: ignore[no-untyped-call]

    @property
    def _ray_callback(self) -> RayCallback:
        return RayCallback(*(getattr(self, f"_{name}", None) for name in RayCallback._fields))

    def __enter__(self) -> RayDaskCallback:
        """In force from now on."""
        self._entered = self._ray_callback
        RayDaskCallback.ray_active.add(self._entered)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        """No more."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        RayDaskCallback.ray_active.discard(self._entered)

    def register(self) -> None:
        """In force from now on."""
        RayDaskCallback.ray_active.add(self._ray_callback)
        super().register()

    def unregister(self) -> None:
        """No more. KeyError when it is not in force."""
        RayDaskCallback.ray_active.remove(self._ray_callback)
        super().unregister()


@contextlib.contextmanager
def local_ray_callbacks(
    callbacks: Iterable[RayDaskCallback | RayCallback] | None = None,
) -> Iterator[list[RayCallback]]:
    """The hooks for one graph: those given, or all in force, which graphs inside it do not see."""
    if callbacks is not None:
        yield [_plain(one) for one in callbacks]
        return
    active, RayDaskCallback.ray_active = RayDaskCallback.ray_active, set()
    try:
        yield list(active)
    finally:
        RayDaskCallback.ray_active = active


def unpack_ray_callbacks(callbacks: Iterable[RayCallback] | None) -> RayCallbacks:
    """The hooks by kind."""
    kinds = [list(kind) for kind in zip(*(callbacks or ()), strict=True)]
    kinds = kinds or [[] for _ in RayCallback._fields]
    tasks = {RayCallback._fields.index("ray_pretask"), RayCallback._fields.index("ray_posttask")}
    return RayCallbacks(
        *(
            kind if index in tasks else [hook for hook in kind if hook is not None]
            for index, kind in enumerate(kinds)
        )
    )


def _plain(callback: Any) -> RayCallback:
    if isinstance(callback, RayDaskCallback):
        return callback._ray_callback
    if isinstance(callback, RayCallback):
        return callback
    raise TypeError(f"callbacks are RayDaskCallback objects, got {callback!r}")


class _Progress:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._submitted: dict[Hashable, float] = {}
        self._started: dict[Hashable, float] = {}
        self._finished: dict[Hashable, float] = {}

    def submit(self, key: Hashable, now: float) -> None:
        self._submitted[key] = now

    def start(self, key: Hashable, now: float) -> None:
        self._started[key] = now

    def finish(self, key: Hashable, now: float) -> None:
        self._finished[key] = now

    def result(self) -> tuple[int, int]:
        return len(self._submitted), len(self._finished)

    def report(self) -> dict[Any, Any]:
        times = {
            key: {
                "execution_time": finished - self._started[key],
                "scheduling_time": self._started[key] - self._submitted[key],
            }
            for key, finished in self._finished.items()
        }
        return {**times, "submission_order": list(self._submitted.items())}


class ProgressBarCallback(RayDaskCallback):
    """Counts in an actor, ``pb``, how many tasks were submitted and have finished, and when.

    ``pb.result.remote()`` gives the two numbers, ``pb.report.remote()`` the times by key.
    """

    def __init__(self) -> None:
        """Starts anew, in the actor of the job."""
        actor_class: Any = mobula.remote(num_cpus=0)(_Progress)
        self.pb: Any = actor_class.options(name="_dask_on_ray_pb", get_if_exists=True).remote()
        mobula.get(self.pb.reset.remote())
        super().__init__()

    def _ray_postsubmit(self, task: Any, key: Hashable, deps: Any, object_ref: Any) -> None:
        self.pb.submit.remote(key, time.time())

    def _ray_pretask(self, key: Hashable, object_refs: Any) -> None:
        self.pb.start.remote(key, time.time())

    def _ray_posttask(self, key: Hashable, result: Any, pre_state: Any) -> None:
        self.pb.finish.remote(key, time.time())

    def _ray_finish(self, result: Any) -> None:
        print("All tasks are completed.")
