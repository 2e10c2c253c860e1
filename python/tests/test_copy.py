# SPDX-License-Identifier: Apache-2.0
"""Copies of large values to the object store."""

from __future__ import annotations

import mobula as ray
import numpy as np
import pytest
from mobula import _core


def test_copies_bytes() -> None:
    source = bytes(range(256)) * (1 << 13)
    target = bytearray(len(source))
    _core.copy(memoryview(target), source)
    assert target == source


@pytest.mark.parametrize(
    ("target", "source", "expected"),
    [
        (memoryview(bytearray(3)), b"four", "the same size"),
        (memoryview(bytearray(8))[::2], b"four", "contiguous"),
    ],
)
def test_refuses(target: memoryview, source: bytes, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        _core.copy(target, source)


def test_refuses_to_write_into_bytes() -> None:
    with pytest.raises(BufferError):
        _core.copy(memoryview(b"four"), b"five")


def test_a_value_that_threads_share_arrives_whole() -> None:
    # Not a multiple of what a thread takes.
    value = np.arange((40 << 20) + 3, dtype=np.uint8)
    ray.init(num_cpus=1)
    try:
        assert np.array_equal(ray.get(ray.put(value)), value)
        assert ray.get(ray.put(value.tobytes())) == value.tobytes()
    finally:
        ray.shutdown()
