# SPDX-License-Identifier: Apache-2.0
"""Values that all languages read: MessagePack, and extensions for what that has no types for.

The C++ side of this is ``runtime/api/packed.h``. Tuples and sets arrive as lists, an array of
numbers as a list, too.
"""

from __future__ import annotations

import array
import sys
from typing import Any, NoReturn

import msgpack

from mobula import _core
from mobula._actor_handle import ActorHandle, load_handle
from mobula._serialization import PACKED_TAG, Serialized

_REFERENCE, _ACTOR_HANDLE, _NUMBERS = 1, 2, 3
# Of the module array. Its longs have another size on other systems.
_NUMBER_CODES = frozenset("bhiqBHIQfd")
# Arrays of numpy, by the kind and size of their elements.
_CODE_OF = {
    ("i", 1): "b",
    ("i", 2): "h",
    ("i", 4): "i",
    ("i", 8): "q",
    ("u", 1): "B",
    ("u", 2): "H",
    ("u", 4): "I",
    ("u", 8): "Q",
    ("f", 4): "f",
    ("f", 8): "d",
}


def pack(value: Any, what: str, unicode_errors: str = "surrogateescape") -> Serialized:
    """The value called ``what``; TypeError when the other language has nothing like it."""
    contained: list[_core.ObjectRef] = []

    def extend(member: Any) -> Any:
        return _extend(member, contained, what)

    try:
        data = msgpack.packb(value, default=extend, unicode_errors=unicode_errors)
    except ValueError as error:
        raise TypeError(f"{what} cannot be packed for another language: {error}") from None
    return Serialized((PACKED_TAG + data,), (), contained or None)


def unpack(data: Any) -> Any:
    """What ``pack`` or C++ made, without the tag."""
    return msgpack.unpackb(
        data, ext_hook=_read_extension, strict_map_key=False, unicode_errors="surrogateescape"
    )


def _extend(member: Any, contained: list[_core.ObjectRef], what: str) -> Any:
    if type(member) is _core.ObjectRef:
        contained.append(member)
        return msgpack.ExtType(_REFERENCE, member.encoded())
    if isinstance(member, ActorHandle):
        return msgpack.ExtType(_ACTOR_HANDLE, _pack_handle(member, contained))
    if isinstance(member, (set, frozenset)):
        return list(member)
    if isinstance(member, array.array) and member.typecode in _NUMBER_CODES:
        return msgpack.ExtType(_NUMBERS, member.typecode.encode() + member.tobytes())
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(member, numpy.ndarray):
        return _extend_ndarray(member, what)
    if numpy is not None and isinstance(member, numpy.generic):
        plain = member.item()
        if not isinstance(plain, numpy.generic):
            return plain
    if isinstance(member, int):
        raise TypeError(f"{what} has an int of more than 64 bits, which C++ has not: {member}")
    _refuse(member, what)


def _extend_ndarray(member: Any, what: str) -> Any:
    """One of numbers with one dimension in one piece, others as lists of lists."""
    code = _CODE_OF.get((member.dtype.kind, member.dtype.itemsize))
    if code is not None and member.ndim == 1 and member.dtype.isnative:
        return msgpack.ExtType(_NUMBERS, code.encode() + member.tobytes())
    if member.dtype.kind in "biufSU":
        return member.tolist()
    _refuse(member, what)


def _refuse(member: Any, what: str) -> NoReturn:
    raise TypeError(
        f"{what} has a {type(member).__module__}.{type(member).__qualname__}, which another "
        f"language cannot read; it reads None, bool, int, float, str, bytes, list, tuple, set, "
        f"dict, arrays of numbers, ObjectRef and actor handles"
    )


def _pack_handle(handle: ActorHandle, contained: list[_core.ObjectRef]) -> bytes:
    state = handle._state
    # None of a handle that was looked up, which keeps no actor alive.
    reference = state.reference
    if reference is not None:
        contained.append(reference)
    packed: bytes = msgpack.packb(
        (
            state.actor_id,
            None if reference is None else reference.encoded(),
            state.description.max_task_retries,
            state.description.to_bytes(),
        )
    )
    return packed


def _read_extension(code: int, data: bytes) -> Any:
    if code == _REFERENCE:
        return _core.load_reference(data)
    if code == _ACTOR_HANDLE:
        actor_id, encoded, _, description = msgpack.unpackb(data)
        reference = None if encoded is None else _core.load_reference(encoded)
        return load_handle(actor_id, reference, description)
    if code == _NUMBERS:
        numbers = array.array(chr(data[0]))
        numbers.frombytes(data[1:])
        return numbers.tolist()
    raise ValueError(f"a value has an extension of the unknown kind {code}")
