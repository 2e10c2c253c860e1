# SPDX-License-Identifier: Apache-2.0
"""The errors that mobula raises; one tree, with Ray's names.

::

    RayError
    |- RayTaskError              a task raised; also an instance of what it raised
    |- TaskCancelledError
    |- WorkerCrashedError        |- NodeDiedError          |- LocalRayletDiedError
    |- RayActorError
    |  |- ActorDiedError
    |  `- ActorUnavailableError
    |- ObjectLostError
    |  |- ObjectFetchTimedOutError      |- ObjectFreedError       |- OwnerDiedError
    |  |- ObjectReconstructionFailedError
    |  |  |- ObjectReconstructionFailedMaxAttemptsExceededError
    |  |  `- ObjectReconstructionFailedLineageEvictedError
    |  `- ReferenceCountingAssertionError
    |- GetTimeoutError           also a TimeoutError
    |- ObjectStoreFullError      |- OutOfDiskError         |- OutOfMemoryError
    |- TaskUnschedulableError    |- ActorUnschedulableError
    |- RuntimeEnvSetupError      |- PendingCallsLimitExceeded
    |- ActorAlreadyExistsError   |- ActorHandleNotFoundError, both also ValueErrors
    |- ObjectRefStreamEndOfStreamError
    |- AsyncioActorExit          |- RaySystemError         `- CrossLanguageError

At the end of the module stand those of parts of Ray that mobula does not have.
"""

from __future__ import annotations

from typing import Any

# Of the text of a traceback.
TITLE = "Traceback (most recent call last):"


class RayError(Exception):
    """Whatever goes wrong in a cluster."""

    # What the error is about, in hexadecimal; empty where it does not apply.
    object_ref_hex: str = ""
    task_id: str = ""
    actor_id: str = ""


class CrossLanguageError(RayError):
    """A task of another language raised."""


class TaskCancelledError(RayError):
    """The task was cancelled with ``mobula.cancel``."""


class RayTaskError(RayError):
    """A task raised an exception, which is ``cause``; the text has the remote traceback.

    ``get`` raises it as an instance of the cause's class too, so that ``except ValueError``
    catches the ``ValueError`` of a task.
    """

    def __init__(
        self,
        function_name: str,
        traceback_str: str,
        cause: BaseException | None = None,
        proctitle: str | None = None,
        pid: int | None = None,
        ip: str | None = None,
        actor_repr: str | None = None,
        actor_id: str | None = None,
    ) -> None:
        """What was called where, how it failed, and the exception if it could be transferred."""
        super().__init__(
            function_name, traceback_str, cause, proctitle, pid, ip, actor_repr, actor_id
        )
        self.function_name = function_name
        self.traceback_str = traceback_str
        self.cause = cause
        self.proctitle = proctitle
        self.pid = pid
        self.ip = ip
        self.actor_repr = actor_repr
        self.actor_id = actor_id or ""

    def as_instanceof_cause(self) -> RayTaskError:
        """This error as an instance of its cause's class as well, where Python allows that."""
        if self.cause is None:
            return self
        cause_class = type(self.cause)
        if issubclass(RayTaskError, cause_class):
            return self
        try:
            return _dual_error(self, cause_class)
        except TypeError:
            return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuilds from the facts, whatever class of error this has become."""
        facts = (
            self.function_name,
            self.traceback_str,
            self.cause,
            self.proctitle,
            self.pid,
            self.ip,
            self.actor_repr,
            self.actor_id,
        )
        return _rebuild_task_error, (facts, type(self) is not RayTaskError)

    def __str__(self) -> str:
        """The remote traceback, which says in the place of its title where the code ran."""
        text = self.traceback_str.rstrip()
        if not self.function_name:
            return text
        facts = [f"pid={self.pid}", f"ip={self.ip}"]
        if self.actor_id:
            facts.append(f"actor_id={self.actor_id}")
        if self.actor_repr:
            facts.append(f"repr={self.actor_repr}")
        place = f"ray::{self.function_name}() ({', '.join(facts)})"
        if text.startswith(TITLE):
            return place + text[len(TITLE) :].replace(f"\n{TITLE}\n", f"\n{place}\n")
        return f"{place}\n{text}"


def _dual_error(error: RayTaskError, cause_class: type[BaseException]) -> RayTaskError:
    def init(self: Any, *args: object) -> None:
        self.__dict__.update(error.__dict__)
        self.args = (error.cause,)

    def getattribute(self: Any, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["cause"], name)

    members: dict[str, Any] = {
        "__init__": init,
        "__getattr__": getattribute,
        "__reduce__": RayTaskError.__reduce__,
        "__str__": RayTaskError.__str__,
        "__module__": RayTaskError.__module__,
    }
    if issubclass(cause_class, BaseExceptionGroup):
        # Groups take what they consist of when they are made.
        members["__new__"] = lambda cls: cause_class.__new__(
            cls,
            error.cause.message,  # type: ignore[union-attr]
            error.cause.exceptions,  # type: ignore[union-attr]
        )
    name = f"RayTaskError({cause_class.__name__})"
    dual: type[RayTaskError] = type(name, (RayTaskError, cause_class), members)
    return dual()  # type: ignore[call-arg]


def _rebuild_task_error(facts: tuple[Any, ...], dual: bool) -> RayTaskError:
    error = RayTaskError(*facts)
    return error.as_instanceof_cause() if dual else error


class WorkerCrashedError(RayError):
    """The worker process died while it ran the task, and no retry was left."""


class NodeDiedError(RayError):
    """The node died while the task ran there, and no retry was left."""


class LocalRayletDiedError(RayError):
    """The daemon of this node is gone."""


class RaySystemError(RayError):
    """The runtime itself failed."""


class RayActorError(RayError):
    """A call of an actor failed, because of the actor and not of the method."""

    # Whether the actor never was: its constructor raised, or could not be called.
    actor_init_failed: bool = False


class ActorDiedError(RayActorError):
    """The actor is dead for good: its process died, it was killed, or its constructor raised."""


class ActorUnavailableError(RayActorError):
    """The actor cannot be reached at present. The call may have been executed."""


class ObjectStoreFullError(RayError):
    """There is no room for the object, even after everything unused was removed."""


class OutOfDiskError(RayError):
    """There is no room on the disk that objects are spilled to."""


class OutOfMemoryError(RayError):
    """The worker was ended because its node ran out of memory."""


class ObjectLostError(RayError):
    """Every copy of the object is gone, and it cannot be made again."""


class ObjectFetchTimedOutError(ObjectLostError):
    """No copy of the object could be transferred in time."""


class ReferenceCountingAssertionError(ObjectLostError, AssertionError):
    """The object was freed while references to it existed."""


class ObjectFreedError(ObjectLostError):
    """The object was freed on purpose."""


class OwnerDiedError(ObjectLostError):
    """The process that made the object's reference is dead, and with it the object."""


class ObjectReconstructionFailedError(ObjectLostError):
    """The object is lost and its task must not run again."""


class ObjectReconstructionFailedMaxAttemptsExceededError(ObjectReconstructionFailedError):
    """The object is lost and its task has no retry left."""


class ObjectReconstructionFailedLineageEvictedError(ObjectReconstructionFailedError):
    """The object is lost and how it was made has been forgotten, for lack of room."""


class GetTimeoutError(RayError, TimeoutError):
    """``get`` with a timeout did not get all values in time."""


class AsyncioActorExit(RayError):  # noqa: N818 (Ray's name)
    """Raised by ``exit_actor`` in an asyncio actor; not meant to be caught."""


class RuntimeEnvSetupError(RayError):
    """The environment that the task or actor asked for cannot be made."""


class TaskUnschedulableError(RayError):
    """No node can ever run the task."""


class ActorUnschedulableError(RayError):
    """No node can ever host the actor."""


class ActorAlreadyExistsError(ValueError, RayError):
    """The name of the actor is taken."""


class ActorHandleNotFoundError(ValueError, RayError):
    """The handle of the actor is of another session."""


class PendingCallsLimitExceeded(RayError):  # noqa: N818 (Ray's name)
    """The actor has as many calls waiting as it allows."""


class ObjectRefStreamEndOfStreamError(RayError):
    """In the place of an item that a generator did not make."""


# Never raised: programs may name them in `except` clauses.


class ActorPlacementGroupRemoved(RayError):  # noqa: N818 (Ray's name)
    """Ray: the placement group of the actor is gone."""


class OufOfBandObjectRefSerializationException(RayError):  # noqa: N818 (Ray's name)
    """Ray: a reference was pickled by the program, where that is forbidden."""


class PlasmaObjectNotAvailable(RayError):  # noqa: N818 (Ray's name)
    """Ray: the object store has no such object."""


class RpcError(RayError):
    """Ray: a request to another process failed."""


class TaskPlacementGroupRemoved(RayError):  # noqa: N818 (Ray's name)
    """Ray: the placement group of the task is gone."""


class UnserializableException(RayError):  # noqa: N818 (Ray's name)
    """Ray: stands for an exception that could not be transferred."""


class UserCodeException(RayError):  # noqa: N818 (Ray's name)
    """Ray Data: a function of the user raised."""


__all__ = sorted(
    name
    for name, member in list(globals().items())
    if isinstance(member, type) and issubclass(member, RayError)
)
