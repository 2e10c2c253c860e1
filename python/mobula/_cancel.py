# SPDX-License-Identifier: Apache-2.0
"""Ending tasks before they have finished."""

from __future__ import annotations

from mobula._core import ObjectRef
from mobula._runtime import current


def cancel(object_ref: ObjectRef, *, force: bool = False, recursive: bool = True) -> None:
    """Cancels the task that makes an object; its ``get`` raises ``TaskCancelledError``.

    A task that waits is not started; one that runs gets a KeyboardInterrupt, or with ``force`` its
    process ends. ``recursive`` cancels the tasks that it has submitted, too. Cancelling a task
    that has finished does nothing.

    >>> import mobula, time
    >>> @mobula.remote
    ... def sleepy():
    ...     time.sleep(100)
    >>> reference = sleepy.remote()
    >>> mobula.cancel(reference)
    """
    if type(object_ref) is not ObjectRef:
        raise TypeError(
            f"cancel takes the ObjectRef of a task, got {type(object_ref).__name__}; to end an "
            f"actor use mobula.kill"
        )
    current().runtime.process.cancel(object_ref, force, recursive)
