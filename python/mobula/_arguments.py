# SPDX-License-Identifier: Apache-2.0
"""The arguments of a call as the slots of a task, and back.

Slot 0 is a serialised value: the tuple of the arguments, or a list ``[args, kwargs, places]`` when
there are keywords or references. A reference among the arguments has a slot of its own, so that
the executor receives its value; its place is a position or a keyword. A call without arguments
has no slots.

Between languages each positional argument has a slot of its own, a packed value or a reference, and
there are no keywords.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mobula import _serialization, _unpicklable
from mobula._core import ObjectRef
from mobula._serialization import INLINE_LIMIT

if TYPE_CHECKING:
    from mobula._core import RunningTask
    from mobula._runtime import Execution

# What is put on its own when all arguments together are too large to travel in a message.
_PUT_LIMIT = INLINE_LIMIT // 8

# Of each argument of a call to another language: a packed value and the references in it, or a
# reference.
Single = tuple[bytes, list[ObjectRef] | None] | ObjectRef
Slots = tuple[bytes | list[Single] | None, list[ObjectRef] | None, list[ObjectRef] | None]
# Of a call without arguments.
NO_SLOTS: Slots = (None, None, None)


def encode(
    execution: Execution, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str
) -> Slots:
    """(slot 0, the references inside it, the references that are arguments)."""
    if not kwargs:
        if not args:
            return NO_SLOTS
        if all(map(_serialization.is_primitive, args)):
            blob = _serialization.pickle_primitives(args)
            if len(blob) <= INLINE_LIMIT:
                return blob, None, None
    values, keywords = list(args), dict(kwargs)
    places: list[int | str] = []
    references: list[ObjectRef] = []
    for members in (values, keywords):
        for place, value in _items(members):
            if type(value) is ObjectRef:
                _move_out(members, place, value, places, references)
    blob_parts = _serialize(values, keywords, places, name)
    if blob_parts.size > INLINE_LIMIT:
        _put_large(execution, values, keywords, places, references)
        blob_parts = _serialize(values, keywords, places, name)
    return blob_parts.to_bytes(), blob_parts.contained, references or None


def encode_singly(
    execution: Execution, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str
) -> Slots:
    """The slots of a call to another language. TypeError for what it cannot be given."""
    from mobula import _packed
    from mobula._objects import put_serialized

    if kwargs:
        raise TypeError(
            f"{name}() is of another language, which has no keyword arguments; got: "
            f"{', '.join(kwargs)}"
        )
    slots: list[Single] = []
    for place, value in enumerate(args):
        if type(value) is ObjectRef:
            slots.append(value)
            continue
        packed = _packed.pack(value, f"argument {place} of {name}()")
        if packed.size > INLINE_LIMIT:
            slots.append(put_serialized(execution, packed))
        else:
            slots.append((packed.to_bytes(), packed.contained))
    return slots, None, None


def _items(members: Any) -> list[tuple[Any, Any]]:
    return list(members.items() if isinstance(members, dict) else enumerate(members))


def _move_out(
    members: Any, place: Any, reference: ObjectRef, places: list[Any], references: list[ObjectRef]
) -> None:
    members[place] = None
    places.append(place)
    references.append(reference)


def _serialize(
    values: list[Any], keywords: dict[str, Any], places: list[int | str], name: str
) -> _serialization.Serialized:
    plain = not keywords and not places
    try:
        return _serialization.serialize(tuple(values) if plain else [values, keywords, places])
    except TypeError:
        # Once more, one by one, to say which argument it is.
        for place, value in _items(values) + _items(keywords):
            _serialization.serialize(
                value,
                f"the argument {_unpicklable.short(value)} for a task or actor {name}: argument "
                f"{place!r} of {name}()",
            )
        raise


def _put_large(
    execution: Execution,
    values: list[Any],
    keywords: dict[str, Any],
    places: list[int | str],
    references: list[ObjectRef],
) -> None:
    from mobula._objects import put_serialized

    for members in (values, keywords):
        for place, value in _items(members):
            serialized = _serialization.serialize(value)
            if serialized.size > _PUT_LIMIT:
                reference = put_serialized(execution, serialized)
                _move_out(members, place, reference, places, references)


NONE: tuple[Sequence[Any], Mapping[str, Any]] = ((), MappingProxyType({}))


def decode(
    task: RunningTask, slots: Sequence[tuple[int, Any, bytes]]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of a task, which has some. Raises the error of the first that is one."""
    values = decode_singly(task, slots)
    structure = values[0]
    if type(structure) is tuple:
        return structure, NONE[1]
    args, kwargs, places = structure
    for place, value in zip(places, values[1:], strict=True):
        (kwargs if isinstance(place, str) else args)[place] = value
    return args, kwargs


def decode_singly(task: RunningTask, slots: Sequence[tuple[int, Any, bytes]]) -> list[Any]:
    """The values of all slots. Raises the error of the first that is one."""
    from mobula._errors import VALUE, to_exception

    values: list[Any] = []
    for kind, data, object_id in slots:
        if kind != VALUE:
            raise to_exception(kind, data, object_id)
        values.append(_serialization.deserialize(data, object_id or task))
    return values
