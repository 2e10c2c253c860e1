# SPDX-License-Identifier: Apache-2.0
"""Errors on their way between processes: the runtime's outcomes and user code's exceptions."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Any

from mobula import _serialization, exceptions
from mobula.exceptions import RayError, RayTaskError

# PayloadKind, as the binding gives it.
VALUE, EXCEPTION, ERROR = 0, 1, 2

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

# ErrorKind -> exception class.
_CLASSES: dict[str, type[Exception]] = {
    "kWorkerCrashed": exceptions.WorkerCrashedError,
    "kNodeDied": exceptions.NodeDiedError,
    "kActorDied": exceptions.ActorDiedError,
    "kActorUnavailable": exceptions.ActorUnavailableError,
    "kActorUnschedulable": exceptions.ActorUnschedulableError,
    "kTaskUnschedulable": exceptions.TaskUnschedulableError,
    "kTaskCancelled": exceptions.TaskCancelledError,
    "kObjectLost": exceptions.ObjectLostError,
    "kObjectFreed": exceptions.ObjectFreedError,
    "kOwnerDied": exceptions.OwnerDiedError,
    "kObjectFetchTimedOut": exceptions.ObjectFetchTimedOutError,
    "kReconstructionFailed": exceptions.ObjectReconstructionFailedError,
    "kLineageEvicted": exceptions.ObjectReconstructionFailedLineageEvictedError,
    "kMaxAttemptsExceeded": exceptions.ObjectReconstructionFailedMaxAttemptsExceededError,
    "kReferenceCounting": exceptions.ReferenceCountingAssertionError,
    "kObjectStoreFull": exceptions.ObjectStoreFullError,
    "kOutOfDisk": exceptions.OutOfDiskError,
    "kOutOfMemory": exceptions.OutOfMemoryError,
    "kRuntimeEnvSetup": exceptions.RuntimeEnvSetupError,
    "kPendingCallsLimit": exceptions.PendingCallsLimitExceeded,
    "kGetTimeout": exceptions.GetTimeoutError,
    "kInvalid": ValueError,
    "kTaskPlacementGroupRemoved": exceptions.TaskPlacementGroupRemoved,
    "kActorPlacementGroupRemoved": exceptions.ActorPlacementGroupRemoved,
    "kEndOfStream": exceptions.ObjectRefStreamEndOfStreamError,
}


def from_error_info(info: dict[str, Any]) -> Exception:
    """The exception that stands for an ``ErrorInfo``."""
    cause = decode_exception(info["cause"]) if info["cause"] else None
    if cause is not None and (refusal := _refusal(cause)) is not None:
        return refusal
    message = info["message"]
    if cause is not None:
        message = f"{message}\n{cause}"
    kind = _CLASSES.get(info["kind"], exceptions.RaySystemError)
    if issubclass(kind, exceptions.ObjectLostError) and info["object"]:
        # As the reference to it is printed.
        message += f" (ObjectRef {info['object']})"
    error = kind(message)
    if isinstance(error, RayError):
        error.object_ref_hex = info["object"]
        error.task_id = info["task"]
        error.actor_id = info["actor"]
    if isinstance(error, exceptions.RayActorError):
        error.actor_init_failed = cause is not None or "its constructor" in message
    error.__cause__ = cause
    return error


def encode_exception(error: BaseException, name: str, ip: str) -> _serialization.Serialized:
    """An exception that left the function or method ``name``, for its caller."""
    text = "".join(traceback.format_exception(type(error), error, _user_frames(error)))
    # A task that only passes an error on: the innermost exception stays what callers catch.
    cause = error.cause if isinstance(error, RayTaskError) else error
    facts = (name, text, os.getpid(), ip)
    try:
        inner = _serialization.serialize(cause)
    except TypeError as unpicklable:
        text += f"(The exception itself stayed behind: {unpicklable})\n"
        return _serialization.serialize(((name, text, os.getpid(), ip), None))
    outer = _serialization.serialize((facts, inner.to_bytes()))
    outer.contained = inner.contained
    return outer


def decode_exception(data: Any, object_id: bytes = b"") -> RayTaskError:
    """What ``encode_exception`` made. A cause that cannot be rebuilt here is left out."""
    (name, text, pid, ip), inner = _serialization.deserialize(data)
    cause: BaseException | None = None
    if inner is not None:
        try:
            cause = _serialization.deserialize(inner, object_id)
        except Exception as error:
            text += f"(The exception cannot be rebuilt here: {type(error).__name__}: {error})\n"
    return RayTaskError(name, text, cause, pid=pid, ip=ip)


def to_exception(kind: int, data: Any, object_id: bytes = b"") -> Exception:
    """The exception in place of the value of an object: ``kind`` is EXCEPTION or ERROR."""
    if kind == EXCEPTION:
        return _raised(decode_exception(data, object_id))
    error = from_error_info(data)
    if isinstance(error, RayError) and _is_of_another(data, object_id):
        return _passed_on(error).as_instanceof_cause()
    return error


def of_payload(payload: dict[str, Any]) -> Exception:
    """The exception that stands for a ``Payload`` that is no value."""
    if payload["kind"] != "kException":
        return from_error_info(payload["error"])
    data = payload["data"]
    if not data:
        return RayTaskError("", "its exception was so large that it lies in the object store")
    return _raised(decode_exception(data))


def _raised(error: RayTaskError) -> Exception:
    """What `get` raises for it."""
    return _refusal(error) or error.as_instanceof_cause()


def _refusal(error: RayTaskError) -> Exception | None:
    """Of a worker that did not run the task, for want of its environment."""
    is_one = isinstance(error.cause, exceptions.RuntimeEnvSetupError) and not error.function_name
    return error.cause if is_one else None  # type: ignore[return-value]


def _is_of_another(info: dict[str, Any], object_id: bytes) -> bool:
    """Whether the error is about something else: the object's task was not run because of it."""
    about = info["object"] or info["task"]
    return bool(about) and bool(object_id) and not object_id.hex().startswith(about)


def _passed_on(error: RayError) -> RayTaskError:
    text = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    return RayTaskError(
        "",
        "At least one of the input arguments for this task could not be computed:\n" + text,
        error,
    )


def _user_frames(error: BaseException) -> TracebackType | None:
    """The traceback without the frames of the package that lead to the user's code."""
    frames = error.__traceback__
    inner = frames
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        inner = inner.tb_next
    return inner if inner is not None else frames
