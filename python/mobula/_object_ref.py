# SPDX-License-Identifier: Apache-2.0
"""What Python adds to the extension module's ``ObjectRef``: awaiting, futures, pickling."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from mobula import _core
from mobula._core import ObjectRef
from mobula.ids import JobID, TaskID

if TYPE_CHECKING:
    from asyncio import Future as AsyncioFuture

__all__ = ["ObjectRef"]

_ID_SIZE = 20


class UnknownObject:
    """The name of an object of which this process knows nothing; there is nothing to get."""

    def __init__(self, binary: bytes) -> None:
        """From what ``ObjectRef.binary`` said."""
        self._binary = bytes(binary)

    def binary(self) -> bytes:
        """As that of a reference."""
        return self._binary

    def hex(self) -> str:
        """As that of a reference."""
        return self._binary.hex()

    def is_nil(self) -> bool:
        """Whether it names nothing at all."""
        return set(self._binary) == {0xFF}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same name."""
        return isinstance(other, UnknownObject) and other._binary == self._binary

    def __hash__(self) -> int:
        """As equality."""
        return hash(self._binary)

    def __repr__(self) -> str:
        """For people."""
        return f"ObjectRef({self.hex()})"


def _nil(cls: type) -> UnknownObject:
    """What Ray returns in the place of a reference when there is none."""
    return UnknownObject(b"\xff" * _ID_SIZE)


def _is_nil(self: ObjectRef) -> bool:
    return False


def _new(cls: type, binary: bytes) -> ObjectRef | UnknownObject:
    """A reference to the object of that name, which counts like any other.

    This process must have one already: the name does not say who owns the object.
    """
    if not isinstance(binary, bytes):
        raise TypeError(f"Unsupported type: {type(binary)}, expected bytes")
    if len(binary) != _ID_SIZE:
        raise ValueError(f"ID string needs to have length {_ID_SIZE}, got {len(binary)}")
    from mobula._runtime import current

    process: Any = current().runtime.process
    for view in process.references():
        if view["reference"][:_ID_SIZE] == binary:
            reference: ObjectRef = process.add_reference(view["reference"])
            return reference
    return UnknownObject(binary)


def _init(self: ObjectRef, binary: bytes) -> None:
    """All is done."""


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


def _as_future(self: ObjectRef) -> AsyncioFuture[Any]:
    """A future of the event loop that runs."""
    import asyncio

    return asyncio.ensure_future(self)


def _task_id(self: ObjectRef) -> TaskID:
    """The task that makes the object, or that put it."""
    return TaskID(self.binary()[:16])


def _job_id(self: ObjectRef) -> JobID:
    """The job that this process belongs to: references stay within a job."""
    from mobula._runtime import current

    return JobID.from_hex(current().runtime.identity["job"])


def _size(cls: type) -> int:
    return _ID_SIZE


def _from_hex(cls: type, text: str) -> Any:
    """As from the bytes that these digits stand for."""
    return cls(bytes.fromhex(text))


def _from_binary(cls: type, binary: bytes) -> Any:
    """As ``ObjectRef(binary)``."""
    return cls(binary)


def _reduce(self: ObjectRef) -> tuple[Any, ...]:
    """For picklers that are not ours: nobody counts such copies, so the object stays for good."""
    from mobula._runtime import current

    current().runtime.functions.pinned.append(_copy(self))
    return _core.load_reference, (self.encoded(),)


def _copy(self: ObjectRef, memo: Any = None) -> ObjectRef:
    """One more reference, which counts."""
    from mobula._runtime import current

    return current().runtime.process.add_reference(self.encoded())


def _on_completed(self: ObjectRef, callback: Callable[[Any], Any]) -> None:
    """Calls ``callback`` in another thread with the value, or the error, once there is one."""
    from mobula._runtime import current

    current().runtime.completions.call(self, callback)


def _class_getitem(cls: type, item: Any) -> type:
    """``ObjectRef[int]`` in annotations."""
    return cls


def _extend() -> None:
    methods = {
        "__new__": staticmethod(_new),
        "__init__": _init,
        "__repr__": _repr,
        "__await__": _await,
        "__copy__": _copy,
        "__deepcopy__": _copy,
        "__reduce__": _reduce,
        "_on_completed": _on_completed,
        "as_future": _as_future,
        "future": _future,
        "task_id": _task_id,
        "nil": classmethod(_nil),
        "is_nil": _is_nil,
        "job_id": _job_id,
        "size": classmethod(_size),
        "from_binary": classmethod(_from_binary),
        "from_hex": classmethod(_from_hex),
        "__class_getitem__": classmethod(_class_getitem),
        "__module__": "mobula",
        "__doc__": "A name for a value that exists or will: what ``.remote()`` and ``put`` return.",
    }
    for name, method in methods.items():
        setattr(ObjectRef, name, method)


_extend()
