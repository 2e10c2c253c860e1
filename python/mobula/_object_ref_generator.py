# SPDX-License-Identifier: Apache-2.0
"""What a call of a generator returns: the references to its items, as they are made."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from mobula._runtime import Runtime, current
from mobula._stream_steps import END, NEXT, TIMED_OUT
from mobula._typing import I_co

if TYPE_CHECKING:
    from mobula._core import ObjectRef


class ObjectRefGenerator(Generic[I_co]):
    """The references to the items of a generator that runs as a task, in order, as they are made.

    Iterates as a generator does, also with ``async for``. ``wait`` takes it in the place of a
    reference to its next item. When the generator raises, or is lost with its worker and may not
    be run again, the last reference is to that error. Once this object is gone the generator is
    closed at its next ``yield``, and the items that nobody took are freed.

    >>> import mobula
    >>> @mobula.remote
    ... def squares(count):
    ...     for number in range(count):
    ...         yield number * number
    >>> [mobula.get(reference) for reference in squares.remote(4)]
    [0, 1, 4, 9]
    """

    __slots__ = ("__weakref__", "_generator_ref", "_runtime", "_taken")

    def __init__(self, generator_ref: ObjectRef[None]) -> None:
        """Use ``.remote()`` of a generator; ``generator_ref`` stands for its end."""
        if type(generator_ref).__name__ != "ObjectRef":
            raise TypeError(
                "an ObjectRefGenerator comes from a call of a generator function or method with "
                f".remote(); it cannot be made from {generator_ref!r}"
            )
        self._generator_ref = generator_ref
        self._runtime: Runtime = current().runtime
        self._taken = 0

    def __iter__(self) -> Iterator[ObjectRef[I_co]]:
        """Itself."""
        return self

    def __next__(self) -> ObjectRef[I_co]:
        """The reference to the next item, as soon as it is made."""
        reference: ObjectRef[I_co] = self._next_sync()
        return reference

    def __aiter__(self) -> ObjectRefGenerator[I_co]:
        """Itself."""
        return self

    async def __anext__(self) -> ObjectRef[I_co]:
        """As ``__next__``, for coroutines."""
        if await self._runtime.await_request_async(self._request_next) != NEXT:
            raise StopAsyncIteration
        return self._take()

    def completed(self) -> ObjectRef[None]:
        """A reference that is ready when the generator has ended.

        Its value is None, also after an exception of the generator, which is the last item; it is
        an error when the task was cancelled or lost.

        >>> import mobula
        >>> @mobula.remote
        ... def one():
        ...     yield 1
        >>> items = one.remote()
        >>> mobula.get(items.completed()) is None
        True
        """
        return self._generator_ref

    def next_ready(self) -> bool:
        """Whether ``next`` would return at once."""
        return self._wait(0) == NEXT

    def is_finished(self) -> bool:
        """Whether ``next`` would raise StopIteration at once.

        >>> import mobula
        >>> @mobula.remote
        ... def one():
        ...     yield 1
        >>> items = one.remote()
        >>> items.is_finished()
        False
        >>> reference, done = next(items), mobula.get(items.completed())
        >>> items.is_finished()
        True
        """
        return self._wait(0) == END

    def send(self, value: Any) -> NoReturn:
        """Refuses: the generator runs elsewhere."""
        raise NotImplementedError("`gen.send` is not supported.")

    def throw(self, value: Any) -> NoReturn:
        """Refuses; ``cancel`` ends the task."""
        raise NotImplementedError("`gen.throw` is not supported.")

    def close(self) -> NoReturn:
        """Refuses; ``cancel`` ends the task, and ``del`` closes the generator."""
        raise NotImplementedError("`gen.close` is not supported.")

    async def asend(self, value: Any) -> NoReturn:
        """Refuses: the generator runs elsewhere."""
        raise NotImplementedError("`gen.asend` is not supported.")

    async def athrow(self, value: Any) -> NoReturn:
        """Refuses; ``cancel`` ends the task."""
        raise NotImplementedError("`gen.athrow` is not supported.")

    async def aclose(self) -> NoReturn:
        """Refuses; ``cancel`` ends the task, and ``del`` closes the generator."""
        raise NotImplementedError("`gen.aclose` is not supported.")

    def _next_sync(self, timeout_s: float | None = None) -> Any:
        """As ``next``; Ray's libraries give it a time, after which they get the nil reference."""
        timeout = None if timeout_s is None or timeout_s < 0 else timeout_s
        step = self._wait(timeout)
        if step == TIMED_OUT:
            return type(self._generator_ref).nil()
        if step != NEXT:
            raise StopIteration
        return self._take()

    def _wait(self, timeout: float | None) -> int:
        execution = current()
        runtime = self._runtime
        request = runtime.process.request_next(self._generator_ref, timeout, execution.releases_cpu)
        step: int = runtime.await_request(request)
        return step

    def _request_next(self, request: int) -> None:
        self._runtime.process.request_next(self._generator_ref, None, False, request)

    def _take(self) -> ObjectRef[I_co]:
        self._taken += 1
        return self._runtime.process.take_item(self._generator_ref, self._taken)

    def _next_item(self) -> ObjectRef[I_co]:
        """One more reference to the item that ``next`` would return; takes nothing."""
        return self._runtime.process.item_reference(self._generator_ref, self._taken + 1)

    def __reduce__(self) -> NoReturn:
        """Refuses: one process takes the items."""
        raise TypeError(
            "You cannot return or pass a generator to other task. "
            "Serializing a ObjectRefGenerator is not allowed; pass the references of its items."
        )

    def __del__(self) -> None:
        """Tells the runtime that nobody takes items any more."""
        # One that could not be made has none.
        runtime = getattr(self, "_runtime", None)
        if runtime is not None:
            runtime.process.drop_stream(self._generator_ref)

    def __repr__(self) -> str:
        """For people."""
        return f"ObjectRefGenerator({self._generator_ref.task_hex()}, {self._taken} taken)"


class DynamicObjectRefGenerator(Generic[I_co]):
    """The references to all items of a generator that was called with ``num_returns="dynamic"``.

    It is the value of the reference that such a call returns. Iterating takes them out of it.

    >>> import mobula
    >>> @mobula.remote(num_returns="dynamic")
    ... def letters(word):
    ...     yield from word
    >>> items = mobula.get(letters.remote("ray"))
    >>> len(items), [mobula.get(reference) for reference in items]
    (3, ['r', 'a', 'y'])
    """

    def __init__(self, refs: Iterable[ObjectRef[I_co]]) -> None:
        """Of these."""
        self._refs = collections.deque(refs)

    def __iter__(self) -> Iterator[ObjectRef[I_co]]:
        """Hands out each reference once."""
        while self._refs:
            yield self._refs.popleft()

    def __len__(self) -> int:
        """How many are left."""
        return len(self._refs)
