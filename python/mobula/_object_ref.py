# SPDX-License-Identifier: Apache-2.0
"""What Python adds to the extension module's ``ObjectRef``: awaiting, futures, pickling."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

from mobula._core import ObjectRef
from mobula.ids import TaskID

__all__ = ["ObjectRef"]


def _repr(self: ObjectRef) -> str:
    return f"ObjectRef({self.hex()})"


def _await(self: ObjectRef) -> Generator[Any, None, Any]:
    from mobula._objects import get_async

    return get_async(self).__await__()


def _future(self: ObjectRef) -> Future[Any]:
    """A ``concurrent.futures.Future`` with the value, or the error, of the object.

    It has a thread of its own that waits; in coroutines rather await the reference.
    """
    from mobula._objects import get

    result: Future[Any] = Future()

    def wait() -> None:
        try:
            result.set_result(get(self))
        except BaseException as error:
            result.set_exception(error)

    result.set_running_or_notify_cancel()
    threading.Thread(target=wait, name="mobula-future", daemon=True).start()
    return result


def _task_id(self: ObjectRef) -> TaskID:
    """The task that makes the object, or that put it."""
    return TaskID(self.binary()[:16])


def _reduce(self: ObjectRef) -> tuple[Any, ...]:
    """For picklers that are not ours: nobody counts such copies, so the object stays for good."""
    from mobula import _serialization
    from mobula._runtime import current

    current().runtime.functions.pinned.append(self)
    return _serialization._load_reference, (self.encoded(),)


def _copy(self: ObjectRef, memo: Any = None) -> ObjectRef:
    """A reference does not change: ``copy`` gives it itself."""
    return self


def _class_getitem(cls: type, item: Any) -> type:
    """``ObjectRef[int]`` in annotations."""
    return cls


def _extend() -> None:
    methods = {
        "__repr__": _repr,
        "__await__": _await,
        "__copy__": _copy,
        "__deepcopy__": _copy,
        "__reduce__": _reduce,
        "future": _future,
        "task_id": _task_id,
        "__class_getitem__": classmethod(_class_getitem),
        "__module__": "mobula",
        "__doc__": "A name for a value that exists or will: what ``.remote()`` and ``put`` return.",
    }
    for name, method in methods.items():
        setattr(ObjectRef, name, method)


_extend()
