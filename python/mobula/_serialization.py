# SPDX-License-Identifier: Apache-2.0
"""Values to bytes and back.

A serialised value is one contiguous run of bytes that starts with a tag:

====  =====================================================================================
tag   what follows
====  =====================================================================================
N T F nothing: None, True, False
i f   8 bytes: an int that fits, a float
s b   the text in UTF-8; the bytes
p q   a pickle; q: without references in it
m     a value for or of another language: see ``_packed.py``
B     3 bytes of padding, the number of buffers (4 bytes), the size of the pickle and of each
      buffer (8 bytes each), the pickle, then each buffer at the next multiple of 64
====  =====================================================================================

Buffers (of numpy arrays, for example) are read in place: views keep the memory that they were
read from alive.
"""

from __future__ import annotations

import collections
import io
import pickle
import struct
import types
from collections.abc import Callable
from typing import Any, ClassVar

import cloudpickle

from mobula import _core, _unpicklable

# Up to here values travel in messages; larger ones lie in the object store.
INLINE_LIMIT = 100 * 1024
ALIGNMENT = 64
# From here on a copy is worth the release of the interpreter's lock, and more than one thread.
_LARGE = 1 << 20

# What cloudpickle may write in the place of the name of a file.
_NO_FILE = "<dynamic-code>"
_HEAD = struct.Struct("<cxxxIQ")
_SIZE = struct.Struct("<Q")
_TAG_PICKLE, _TAG_PLAIN_PICKLE = b"pq"
PACKED_TAG = b"m"
_PRIMITIVES = frozenset((type(None), bool, int, float, str, bytes))


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _copy(target: memoryview, source: bytes | memoryview) -> None:
    if len(source) < _LARGE:
        target[:] = source
    else:
        _core.copy(target, source)


class Serialized:
    """A value ready to be copied to where it shall lie."""

    __slots__ = ("buffers", "contained", "parts", "size")

    def __init__(
        self,
        parts: tuple[bytes | memoryview, ...],
        buffers: tuple[memoryview, ...] = (),
        contained: list[_core.ObjectRef] | None = None,
    ) -> None:
        """``parts`` follow one another; then come the aligned buffers."""
        self.parts = parts
        self.buffers = buffers
        # The references inside the value.
        self.contained = contained
        size = sum(len(part) for part in parts)
        for buffer in buffers:
            size = _aligned(size) + buffer.nbytes
        self.size = size

    def to_bytes(self) -> bytes:
        """The whole in one piece."""
        if not self.buffers:
            return b"".join(self.parts)
        out = bytearray(self.size)
        self.write_into(memoryview(out))
        return bytes(out)

    def write_into(self, target: memoryview) -> None:
        """Copies it to shared memory; ``target`` has at least ``size`` bytes."""
        offset = 0
        for part in self.parts:
            _copy(target[offset : offset + len(part)], part)
            offset += len(part)
        for buffer in self.buffers:
            offset = _aligned(offset)
            _copy(target[offset : offset + buffer.nbytes], buffer)
            offset += buffer.nbytes


def _reduce_code(code: types.CodeType) -> tuple[Any, ...]:
    """As cloudpickle does, with the file's name, which it may leave out: tracebacks show it."""
    function, args = cloudpickle.CloudPickler.dispatch_table[types.CodeType](code)
    return function, tuple(code.co_filename if part == _NO_FILE else part for part in args)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Cloudpickle that takes note of the references that it meets."""

    dispatch_table: ClassVar[Any] = collections.ChainMap(
        {types.CodeType: _reduce_code}, cloudpickle.CloudPickler.dispatch_table
    )

    def __init__(self, file: io.BytesIO, out_of_band: Callable[[pickle.PickleBuffer], Any]) -> None:
        super().__init__(file, protocol=5, buffer_callback=out_of_band)
        self.contained: list[_core.ObjectRef] = []

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is _core.ObjectRef:
            self.contained.append(obj)
            return _core.load_reference, (obj.encoded(),)
        return super().reducer_override(obj)


def is_primitive(value: object) -> bool:
    """Whether the value needs no look inside: no reference, no buffer, no code."""
    return type(value) in _PRIMITIVES


# The whole serialised value, of a primitive that travels in a message; None for others.
encode_small: Callable[[Any], bytes | None] = _core.encode_small


def serialize(value: Any, what: str = "the value") -> Serialized:
    """Raises TypeError, with ``what`` and the offending member, for what cannot be pickled."""
    small = encode_small(value)
    if small is not None:
        return Serialized((small,))
    if type(value) is bytes:
        return Serialized((b"b", value))
    file = io.BytesIO()
    buffers: list[memoryview] = []
    pickler = _Pickler(file, lambda buffer: buffers.append(buffer.raw()))
    try:
        pickler.dump(value)
    except Exception as error:
        raise _unpicklable.explain(value, what, error) from error
    contained = pickler.contained or None
    if not buffers:
        return Serialized((b"p" if contained else b"q", file.getbuffer()), (), contained)
    pickled = file.getbuffer()
    head = [_HEAD.pack(b"B", len(buffers), len(pickled))]
    head += [_SIZE.pack(buffer.nbytes) for buffer in buffers]
    return Serialized((b"".join(head), pickled), tuple(buffers), contained)


def why_not(value: Any) -> Exception | None:
    """What pickling the value raises; None when it can be sent."""
    try:
        _Pickler(io.BytesIO(), lambda buffer: None).dump(value)
    except Exception as error:
        return error
    return None


def _read_buffers(view: memoryview) -> Any:
    _, count, pickle_size = _HEAD.unpack_from(view)
    offset = _HEAD.size
    sizes = [_SIZE.unpack_from(view, offset + 8 * i)[0] for i in range(count)]
    offset += 8 * count
    pickled = view[offset : offset + pickle_size]
    offset += pickle_size
    buffers = []
    for size in sizes:
        offset = _aligned(offset)
        buffers.append(view[offset : offset + size])
        offset += size
    return pickle.loads(pickled, buffers=buffers)


# Where values come out of: an object (or its id, empty when that is unknown), or the arguments of a
# task.
Container = _core.ObjectRef | _core.RunningTask | bytes


def pickle_primitives(values: tuple[Any, ...]) -> bytes:
    """A serialised tuple. REQUIRES: ``is_primitive`` holds for each member."""
    return b"q" + pickle.dumps(values, 5)


def deserialize(data: Any, container: Container = b"") -> Any:
    """The value in ``data``, bytes or a ``StoreBuffer``.

    References in it are registered as coming out of ``container``.
    """
    value = _core.decode_small(data)
    if value is not NotImplemented:
        return value
    view = memoryview(data)
    tag = view[0]
    if tag == _TAG_PLAIN_PICKLE:
        return pickle.loads(view[1:])
    token = _core.reference_source.set(_core.ReferenceSource(container))
    try:
        if tag == _TAG_PICKLE:
            return pickle.loads(view[1:])
        if tag == PACKED_TAG[0]:
            from mobula import _packed

            return _packed.unpack(view[1:])
        return _read_buffers(view)
    finally:
        _core.reference_source.reset(token)
