# SPDX-License-Identifier: Apache-2.0
"""Results as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import mobula

__all__ = ["as_completed", "map_unordered"]


def as_completed(
    refs: Sequence[mobula.ObjectRef],
    *,
    chunk_size: int = 10,
    yield_obj_refs: bool = False,
    **kwargs: Any,
) -> Iterator[Any]:
    """The values of references, ``chunk_size`` at a time as soon as so many are ready.

    With ``yield_obj_refs`` the references themselves; ``kwargs`` are those of ``wait``.

    >>> import mobula
    >>> sorted(as_completed([mobula.put(2), mobula.put(1)]))
    [1, 2]
    """
    _check_count("chunk_size", chunk_size)
    waiting = list(refs)

    def results() -> Iterator[Any]:
        nonlocal waiting
        while waiting:
            ready, waiting = _some(waiting, chunk_size, yield_obj_refs, kwargs)
            yield from ready

    return results()


def map_unordered(
    fn: mobula.RemoteFunction,
    items: Iterable[Any],
    *,
    backpressure_size: int | None = 100,
    chunk_size: int = 10,
    yield_obj_refs: bool = False,
    **kwargs: Any,
) -> Iterator[Any]:
    """The results of a remote function for each item, as they come.

    At most ``backpressure_size`` tasks are under way; the rest is as for ``as_completed``.

    >>> import mobula
    >>> @mobula.remote
    ... def square(x):
    ...     return x * x
    >>> sorted(map_unordered(square, range(4)))
    [0, 1, 4, 9]
    """
    if not isinstance(fn, mobula.RemoteFunction):
        raise TypeError(f"map_unordered takes a remote function, got {fn!r}")
    _check_count("chunk_size", chunk_size)
    if backpressure_size is not None:
        _check_count("backpressure_size", backpressure_size)
        if chunk_size > backpressure_size:
            raise ValueError(
                f"backpressure_size must be at least chunk_size, {chunk_size}; "
                f"got {backpressure_size}"
            )

    def results() -> Iterator[Any]:
        waiting: list[mobula.ObjectRef] = []
        for item in items:
            waiting.append(fn.remote(item))
            if backpressure_size is not None and len(waiting) >= backpressure_size:
                ready, waiting = _some(waiting, chunk_size, yield_obj_refs, kwargs)
                yield from ready
        yield from as_completed(
            waiting, chunk_size=chunk_size, yield_obj_refs=yield_obj_refs, **kwargs
        )

    return results()


def _some(
    waiting: list[mobula.ObjectRef], count: int, yield_obj_refs: bool, kwargs: dict[str, Any]
) -> tuple[list[Any], list[mobula.ObjectRef]]:
    ready, rest = mobula.wait(waiting, num_returns=min(count, len(waiting)), **kwargs)
    return (ready if yield_obj_refs else mobula.get(ready)), rest


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be >= 1, and an int; got {value!r}")
