# SPDX-License-Identifier: Apache-2.0
"""Names of nodes, jobs, workers, tasks and actors."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "ActorClassID",
    "ActorID",
    "BaseID",
    "ClusterID",
    "FunctionID",
    "JobID",
    "NodeID",
    "PlacementGroupID",
    "TaskID",
    "UniqueID",
    "WorkerID",
]


_SIZE = 16


class BaseID:
    """128 bits.

    >>> ActorID(bytes(15) + b"a").hex()[-2:]
    '61'
    """

    __slots__ = ("_binary",)

    def __init__(self, binary: bytes) -> None:
        """From 16 bytes."""
        if not isinstance(binary, bytes):
            raise TypeError(f"Unsupported type: {type(binary)}, expected bytes")
        if len(binary) != _SIZE:
            raise ValueError(f"ID string needs to have length {_SIZE}, got {len(binary)}")
        self._binary = binary

    @classmethod
    def from_binary(cls, binary: bytes) -> Self:
        """From 16 bytes."""
        return cls(binary)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """From 32 hexadecimal digits."""
        return cls(bytes.fromhex(text))

    @classmethod
    def nil(cls) -> Self:
        """The one that names nothing."""
        return cls(b"\xff" * _SIZE)

    @classmethod
    def size(cls) -> int:
        """In bytes."""
        return _SIZE

    def hex(self) -> str:
        """32 hexadecimal digits."""
        return self._binary.hex()

    def binary(self) -> bytes:
        """16 bytes."""
        return self._binary

    def is_nil(self) -> bool:
        """Whether it names nothing, to Ray's programs or to the runtime."""
        return self._binary in (b"\xff" * _SIZE, bytes(_SIZE))

    def __eq__(self, other: object) -> bool:
        """Ids of different kinds are never equal."""
        return type(other) is type(self) and other._binary == self._binary

    def __hash__(self) -> int:
        """As equality."""
        return hash(self._binary)

    def __repr__(self) -> str:
        """For people."""
        return f"{type(self).__name__}({self.hex()})"

    def __reduce__(self) -> tuple[type, tuple[bytes]]:
        """By its bytes."""
        return type(self), (self._binary,)


class _RandomID(BaseID):
    """One that can be made up."""

    __slots__ = ()

    @classmethod
    def from_random(cls) -> Self:
        """One that nothing has yet; in the simulator of the process's own random stream."""
        return cls(random.randbytes(_SIZE))


class UniqueID(_RandomID):
    """Of any kind of thing."""


class ActorClassID(UniqueID):
    """An exported actor class."""


class FunctionID(UniqueID):
    """An exported function."""


class ActorID(_RandomID):
    """An actor through all its restarts."""


class JobID(BaseID):
    """One driver's run."""

    @classmethod
    def from_int(cls, number: int) -> Self:
        """The one of that number."""
        return cls(number.to_bytes(_SIZE, "little"))

    def int(self) -> int:
        """Its number."""
        return int.from_bytes(self._binary, "little")


class NodeID(UniqueID):
    """A node."""


class PlacementGroupID(_RandomID):
    """A placement group."""


class TaskID(BaseID):
    """A task."""


class ClusterID(UniqueID):
    """A cluster."""


class WorkerID(UniqueID):
    """A driver or worker process."""
