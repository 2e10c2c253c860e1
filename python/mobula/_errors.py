# SPDX-License-Identifier: Apache-2.0
"""Errors on their way between processes: the runtime's outcomes and user code's exceptions."""

from __future__ import annotations

import os
import traceback
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


# What workers say themselves in the place of a result, without the name of a function.
_OF_WORKERS = (exceptions.RuntimeEnvSetupError, exceptions.ActorDiedError)


def from_error_info(info: dict[str, Any]) -> Exception:
    """The exception that stands for an ``ErrorInfo``."""
    cause = decode_exception(info["cause"]) if info["cause"] else None
    if isinstance(cause, RayTaskError) and (own := _own_of_worker(cause)) is not None:
        return own
    message = info["message"]
    kind = _CLASSES.get(info["kind"], exceptions.RaySystemError)
    if cause is not None and kind is exceptions.ActorDiedError:
        message = f"The actor died because of an error raised in its creation task, {cause}"
    elif cause is not None:
        message = f"{message}\n{cause}"
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


def encode_exception(
    error: BaseException,
    name: str,
    ip: str,
    task: str = "",
    actor: tuple[str, str] = ("", ""),
) -> _serialization.Serialized:
    """An exception that left the function or method ``name``, for its caller.

    ``task`` is the id of the call, ``actor`` the one whose method it is: its ``repr`` and its id.
    Callers of other languages read the text; the exception itself is for Python.
    """
    # Not above: only failures need it.
    from mobula import _packed

    text = _text_of(error)
    # A task that only passes an error on: the innermost exception stays what callers catch.
    cause = error.cause if isinstance(error, RayTaskError) else error
    place = (os.getpid(), ip, *actor, task)
    inner: _serialization.Serialized | None = None
    try:
        inner = _serialization.serialize(cause)
    except TypeError as unpicklable:
        text += f"(The exception itself stayed behind: {unpicklable})\n"
    parts = ((name, text, *place), None if inner is None else inner.to_bytes(), "PYTHON")
    outer = _packed.pack(parts, "an exception", unicode_errors="backslashreplace")
    outer.contained = None if inner is None else inner.contained
    return outer


def decode_exception(
    data: Any, object_id: bytes = b""
) -> RayTaskError | exceptions.CrossLanguageError:
    """What ``encode_exception`` or C++ made. A cause that cannot be rebuilt here is left out."""
    facts, inner, language = _serialization.deserialize(data)
    if language == "CPP":
        return exceptions.CrossLanguageError(f"An exception raised from CPP:\n{facts[1]}")
    name, text, pid, ip, actor_repr, actor_id, task = facts
    cause: BaseException | None = None
    if inner is not None:
        try:
            cause = _serialization.deserialize(inner, object_id)
        except Exception as reason:
            text += f"(The exception cannot be rebuilt here: {type(reason).__name__}: {reason})\n"
    error = RayTaskError(
        name, text, cause, pid=pid, ip=ip, actor_repr=actor_repr, actor_id=actor_id
    )
    if task and object_id and not object_id.hex().startswith(task):
        # Of a task that was to make the argument of the object's own, which did not run.
        text = f"{_NO_ARGUMENT}{RayTaskError.__module__}.RayTaskError: {error}"
        error = RayTaskError("", text, cause)
    error.task_id = task
    return error


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


def _raised(error: RayTaskError | exceptions.CrossLanguageError) -> Exception:
    """What `get` raises for it."""
    if isinstance(error, exceptions.CrossLanguageError):
        return error
    return _own_of_worker(error) or error.as_instanceof_cause()


def _own_of_worker(error: RayTaskError) -> Exception | None:
    """What no task has raised: its worker had no environment for it, or its actor left."""
    cause = error.cause
    if error.function_name or not isinstance(cause, _OF_WORKERS):
        return None
    cause.actor_id, cause.task_id = error.actor_id, error.task_id
    return cause


def _is_of_another(info: dict[str, Any], object_id: bytes) -> bool:
    """Whether the error is about something else: the object's task was not run because of it."""
    about = info["object"] or info["task"]
    return bool(about) and bool(object_id) and not object_id.hex().startswith(about)


# In Ray's words, under the title of a traceback.
_NO_ARGUMENT = "  At least one of the input arguments for this task could not be computed:\n"


def _passed_on(error: RayError) -> RayTaskError:
    text = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    return RayTaskError("", _NO_ARGUMENT + text, error)


def _text_of(error: BaseException) -> str:
    """The traceback, with the user's frames only."""
    shown = traceback.TracebackException.from_exception(error)
    if not _strip(shown):
        if isinstance(error, RayTaskError):
            # Raised by what should have been an argument: the user's code did not run.
            return f"{exceptions.TITLE}\n{_NO_ARGUMENT}{''.join(shown.format_exception_only())}"
        shown = traceback.TracebackException.from_exception(error)
    return "".join(shown.format())


def _strip(shown: traceback.TracebackException) -> bool:
    """Leaves out the frames of the package; returns whether others are left."""
    for inner in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if inner is not None:
            _strip(inner)
    frames = [frame for frame in shown.stack if not frame.filename.startswith(_PACKAGE)]
    shown.stack = traceback.StackSummary.from_list(frames)
    return bool(frames)
