# SPDX-License-Identifier: Apache-2.0
"""Goal: values come back equal, arrays without a copy, and refusals name the culprit."""

import threading

import numpy as np
import pytest
from mobula import _core, _serialization
from mobula._serialization import ALIGNMENT, deserialize, serialize


def round_trip(value):
    return deserialize(serialize(value).to_bytes())


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -5, 2**63 - 1, -(2**63), 2**63, 1.5, "", "grüße", "\ud800", b"", b"\0"],
)
def test_small_values_keep_value_and_type(value):
    result = round_trip(value)
    assert result == value
    assert type(result) is type(value)


def test_small_values_end_at_what_a_message_carries():
    largest = _serialization.INLINE_LIMIT - 1
    assert _core.encode_small(b"x" * largest) == b"b" + b"x" * largest
    for value in (b"x" * (largest + 1), "x" * (largest + 1), 2**63, "\ud800", [1], int, 1j):
        assert _core.encode_small(value) is None


@pytest.mark.parametrize("data", [b"", b"i123", b"f"])
def test_a_damaged_small_value_is_refused(data):
    with pytest.raises(ValueError, match="serialised"):
        _core.decode_small(data)


def test_only_small_values_are_decoded_as_such():
    assert _core.decode_small(memoryview(b"stext")) == "text"
    assert _core.decode_small(serialize([1]).to_bytes()) is NotImplemented


@pytest.mark.parametrize("value", [[1, "two"], {"a": (1, 2)}, {1, 2}, range(3)])
def test_containers_come_back(value):
    assert round_trip(value) == value


def test_small_values_take_no_pickle():
    assert serialize(7).to_bytes()[:1] == b"i"
    assert serialize("text").to_bytes() == b"stext"
    assert serialize(None).size == 1


def test_functions_and_classes_go_by_value():
    offset = 3
    assert round_trip(lambda x: x + offset)(4) == 7


def test_arrays_are_views_of_the_bytes_they_were_read_from():
    data = serialize({"a": np.arange(1000), "b": np.ones((10, 10))}).to_bytes()
    first, second = deserialize(data), deserialize(data)
    np.testing.assert_array_equal(first["a"], np.arange(1000))
    assert not first["a"].flags.writeable
    assert first["a"].ctypes.data == second["a"].ctypes.data
    assert first["b"].shape == (10, 10)


def test_buffers_lie_on_aligned_offsets():
    arrays = [np.arange(3, dtype=np.uint8), np.arange(100.0), np.arange(7, dtype=np.int16)]
    memory = np.zeros(serialize(arrays).size + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    target = memoryview(memory)[start:]
    serialize(arrays).write_into(target)
    for array, read in zip(arrays, deserialize(target), strict=True):
        np.testing.assert_array_equal(read, array)
        assert read.ctypes.data % ALIGNMENT == 0


def test_arrays_that_are_not_contiguous_are_copied():
    array = np.arange(100).reshape(10, 10)[:, ::2]
    np.testing.assert_array_equal(round_trip(array), array)


def test_written_and_joined_forms_are_equal():
    value = [np.arange(50), "text", np.arange(9.0)]
    serialized = serialize(value)
    target = bytearray(serialized.size)
    serialized.write_into(memoryview(target))
    assert bytes(target) == serialize(value).to_bytes()


class Holder:
    def __init__(self):
        self.fine = [1, 2]
        self.the_lock = threading.Lock()


def test_the_member_that_cannot_be_pickled_is_named():
    with pytest.raises(TypeError, match=r"item \[1\] > attribute the_lock is <unlocked"):
        serialize([0, Holder()])


def test_a_captured_variable_that_cannot_be_pickled_is_named():
    stream = threading.Lock()

    def use():
        return stream

    with pytest.raises(TypeError, match="the function use: its captured variable stream"):
        serialize(use, "the function use")


def test_a_value_that_cannot_be_pickled_itself_is_shown():
    with pytest.raises(TypeError, match="Could not serialize the value, which is <unlocked"):
        serialize(threading.Lock())


def test_large_values_know_their_size():
    array = np.zeros(1_000_000)
    assert serialize(array).size > array.nbytes
    assert serialize(b"x" * 200_000).size == 200_001
    assert _serialization.INLINE_LIMIT == 100 * 1024
