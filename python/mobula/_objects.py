# SPDX-License-Identifier: Apache-2.0
"""``get``, ``put`` and ``wait``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mobula import _serialization
from mobula._core import ObjectRef, first_other, split
from mobula._errors import from_error_info, to_exception
from mobula._object_ref_generator import ObjectRefGenerator
from mobula._runtime import AsyncRequest, Execution, current
from mobula._serialization import INLINE_LIMIT
from mobula._typing import T
from mobula.exceptions import GetTimeoutError

if TYPE_CHECKING:
    from mobula._actor_handle import ActorHandle


def _check_timeout(timeout: float | None) -> None:
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout must be a number of seconds or None, got {timeout!r}")
    if timeout < 0:
        raise ValueError(
            f"The 'timeout' argument must be nonnegative: a number of seconds of at least 0, or "
            f"None for no limit. Received {timeout}"
        )


@overload
def get(object_refs: ObjectRef[T], *, timeout: float | None = None) -> T: ...


@overload
def get(object_refs: Sequence[ObjectRef[T]], *, timeout: float | None = None) -> list[T]: ...


def get(object_refs: Any, *, timeout: float | None = None) -> Any:
    """Waits for values: of one reference, or of a list of them, in the list's order.

    Raises the error of one that failed as soon as it is known, without waiting for the others;
    ``GetTimeoutError`` when ``timeout`` seconds pass.

    >>> import mobula
    >>> reference = mobula.put([1, 2, 3])
    >>> mobula.get(reference)
    [1, 2, 3]
    >>> mobula.get([reference, reference])
    [[1, 2, 3], [1, 2, 3]]
    """
    _check_timeout(timeout)
    if type(object_refs) is ObjectRef:
        return _get_all([object_refs], timeout)[0]
    if not isinstance(object_refs, (list, tuple)):
        if isinstance(object_refs, ObjectRefGenerator):
            # Its items are got one by one.
            return object_refs
        raise ValueError(
            f"Invalid type of object refs, {type(object_refs)}, is given. get takes an ObjectRef "
            f"or a list of ObjectRefs, got {object_refs!r}"
        )
    references = list(object_refs)
    place = first_other(references)
    if place >= 0:
        other = references[place]
        raise TypeError(
            f"Attempting to call `get` on the value {other!r}, which is not an ObjectRef "
            f"but of type {type(other).__name__}"
        )
    return _get_all(references, timeout) if references else []


def _get_all(references: list[ObjectRef], timeout: float | None) -> list[Any]:
    execution = current()
    runtime = execution.runtime
    process = runtime.process
    answers = process.peek(references)
    if answers is None:
        if runtime.actor_host is not None:
            runtime.actor_host.warn_of_blocking("get", "await on the reference")
        request = process.request_get(references, timeout, execution.releases_cpu)
        answers = runtime.await_request(request)
    if answers is None:
        names = ", ".join(reference.hex() for reference in references[:3])
        more = f" and {len(references) - 3} more" if len(references) > 3 else ""
        raise GetTimeoutError(
            f"Get timed out: some object(s) not ready after {timeout} s: {names}{more}"
        )
    return _values_of(references, answers)


def _values_of(references: Sequence[ObjectRef], answers: Any) -> list[Any]:
    """What a get was answered: (values, places), or (kind, data, object) of one that failed."""
    if len(answers) == 3:
        raise to_exception(*answers)
    values: list[Any]
    values, places = answers
    for place in places:
        values[place] = _serialization.deserialize(values[place], references[place])
    return values


async def get_async(reference: ObjectRef) -> Any:
    """What ``await reference`` does."""
    runtime = current().runtime
    answers = await runtime.await_request_async(AsyncRequest(runtime, [reference]))
    return _values_of([reference], answers)[0]


def put(value: T, *, _owner: ActorHandle | None = None) -> ObjectRef[T]:
    """Stores a value; the caller owns it. Large ones go to the node's shared memory.

    With an actor as ``_owner`` the value is that actor's, and ends with it: this waits until the
    actor has taken it.

    >>> import mobula
    >>> mobula.get(mobula.put("text"))
    'text'
    """
    if type(value) is ObjectRef:
        raise TypeError(
            "Calling 'put' on an ray.ObjectRef is not allowed; use the reference itself, or put a "
            "list with it"
        )
    execution = current()
    if _owner is not None:
        return _put_at(_owner, value)
    small = _serialization.encode_small(value)
    if small is not None:
        return execution.runtime.process.put_inline(execution.context, small, None)
    return put_serialized(execution, _serialization.serialize(value, "the put value"))


def _put_at(owner: ActorHandle, value: Any) -> ObjectRef:
    host = current().runtime.actor_host
    if host is not None and host.handle() == owner:
        return put(value)
    # The reference inside the list is the actor's; the value of the list is not.
    (reference,) = get(owner.__ray_call__.remote(lambda _, value: [put(value)], value))
    assert isinstance(reference, ObjectRef)
    return reference


def put_serialized(execution: Execution, serialized: _serialization.Serialized) -> ObjectRef:
    """As ``put``, of a value that is serialised already."""
    process = execution.runtime.process
    if serialized.size <= INLINE_LIMIT:
        return process.put_inline(execution.context, serialized.to_bytes(), serialized.contained)
    request, object_id = process.request_put_buffer(execution.context, serialized.size)
    offset, error = execution.runtime.await_request(request)
    if error is not None:
        raise from_error_info(error)
    serialized.write_into(process.store_view(offset, serialized.size))
    return process.seal_buffer(object_id, serialized.size, serialized.contained)


def free(object_refs: ObjectRef | Sequence[ObjectRef]) -> None:
    """Drops the values of objects although there are references.

    Their ``get`` raises ``ObjectFreedError`` from then on. Only the process that owns an object,
    which put it or called its task, can free it; one that does not exist yet is left alone.
    """
    references = [object_refs] if isinstance(object_refs, ObjectRef) else list(object_refs)
    for reference in references:
        if type(reference) is not ObjectRef:
            raise TypeError(f"free takes ObjectRefs, got {type(reference).__name__}")
    current().runtime.process.free(references)


_Waitable = TypeVar("_Waitable", bound="ObjectRef[Any] | ObjectRefGenerator[Any]")


def wait(
    object_refs: Sequence[_Waitable],
    *,
    num_returns: int = 1,
    timeout: float | None = None,
    fetch_local: bool = True,
) -> tuple[list[_Waitable], list[_Waitable]]:
    """Waits until ``num_returns`` of the objects are ready, or ``timeout`` seconds have passed.

    Returns the ready ones (at most ``num_returns``) and the others, both in the order given.
    Objects that failed are ready. ``fetch_local=False`` does not ask for a copy on this node.
    An ``ObjectRefGenerator`` is ready when its next item is, or it has ended.

    >>> import mobula
    >>> first, second = mobula.put(1), mobula.put(2)
    >>> ready, others = mobula.wait([first, second], num_returns=2)
    >>> ready == [first, second], others
    (True, [])
    """
    references, generators = _check_wait(object_refs, num_returns)
    _check_timeout(timeout)
    if not references:
        return [], []
    execution = current()
    runtime = execution.runtime
    if runtime.actor_host is not None:
        runtime.actor_host.warn_of_blocking("wait", "await asyncio.wait(...)")
    request = runtime.process.request_wait(
        references, num_returns, timeout, fetch_local, execution.releases_cpu
    )
    answer: Any = split(references, runtime.await_request(request))
    if generators:
        answer = tuple([generators.get(item, item) for item in part] for part in answer)
    ready, others = answer
    return ready, others


def _check_wait(
    object_refs: Any, num_returns: int
) -> tuple[list[ObjectRef], dict[ObjectRef, ObjectRefGenerator]]:
    """The references to wait for, and which of them stand for the next items of generators."""
    if not isinstance(object_refs, (list, tuple)):
        raise TypeError(
            f"wait() expected a list of ray.ObjectRef or ray.ObjectRefGenerator, got "
            f"{type(object_refs)}"
        )
    references = list(object_refs)
    generators: dict[ObjectRef, ObjectRefGenerator] = {}
    while (place := first_other(references)) >= 0:
        other = references[place]
        if not isinstance(other, ObjectRefGenerator):
            raise TypeError(
                f"wait() expected a list of ray.ObjectRef or ray.ObjectRefGenerator, got list "
                f"containing {type(other)}: {other!r}"
            )
        references[place] = other._next_item()
        generators[references[place]] = other
    if isinstance(num_returns, bool) or not isinstance(num_returns, int):
        raise TypeError(f"num_returns of wait() must be an integer, got {num_returns!r}")
    if num_returns < 1:
        raise ValueError(
            f"Invalid number of objects to return {num_returns}: num_returns must be at least 1"
        )
    if references and num_returns > len(references):
        raise ValueError(
            f"num_returns cannot be greater than the number of ray_waitables provided to ray.wait: "
            f"{len(references)}; got {num_returns}"
        )
    return references, generators
