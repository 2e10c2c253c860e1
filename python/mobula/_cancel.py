# SPDX-License-Identifier: Apache-2.0
"""Ending tasks before they have finished."""

from __future__ import annotations

from typing import Any

from mobula._core import ObjectRef
from mobula._object_ref_generator import ObjectRefGenerator
from mobula._runtime import current


def cancel(
    object_ref: ObjectRef | ObjectRefGenerator, *, force: bool = False, recursive: bool = True
) -> None:
    """Cancels the task that makes an object; its ``get`` raises ``TaskCancelledError``.

    A task that waits is not started; one that runs gets a KeyboardInterrupt, or with ``force`` its
    process ends; the last item of a generator is the error. ``recursive`` cancels the tasks that
    it has submitted, too. Cancelling a task that has finished does nothing. A call of an actor
    cannot be cancelled by ``force``, which would end the actor: that is a ValueError.

    >>> import mobula, time
    >>> @mobula.remote
    ... def sleepy():
    ...     time.sleep(100)
    >>> reference = sleepy.remote()
    >>> mobula.cancel(reference)
    """
    if isinstance(object_ref, ObjectRefGenerator):
        object_ref = object_ref.completed()
    if type(object_ref) is not ObjectRef:
        raise TypeError(
            f"ray.cancel() only supported for object refs. For actors, try ray.kill(). Got: "
            f"{type(object_ref)}"
        )
    process: Any = current().runtime.process
    if force and _is_actor_call(process, object_ref):
        raise ValueError("force=True is not supported for actor tasks; to end the actor, kill it")
    process.cancel(object_ref, force, recursive)


def _is_actor_call(process: Any, object_ref: ObjectRef) -> bool:
    """Of a task that this process has submitted and that has not ended; False for others."""
    task = object_ref.task_hex()
    return any(
        pending["task"] == task and any(bytes.fromhex(pending["actor"]))
        for pending in process.pending_tasks()
    )
