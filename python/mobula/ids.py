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
    "FunctionID",
    "JobID",
    "NodeID",
    "PlacementGroupID",
    "TaskID",
    "UniqueID",
    "WorkerID",
]


class BaseID:
    """128 bits.

    >>> ActorID(bytes(15) + b"a").hex()[-2:]
    '61'
    """

    __slots__ = ("_binary",)

    def __init__(self, binary: bytes) -> None:
        """From 16 bytes."""
        if len(binary) != 16:
            raise ValueError(f"an id takes 16 bytes, got {len(binary)}")
        self._binary = bytes(binary)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """From 32 hexadecimal digits."""
        return cls(bytes.fromhex(text))

    def hex(self) -> str:
        """32 hexadecimal digits."""
        return self._binary.hex()

    def binary(self) -> bytes:
        """16 bytes."""
        return self._binary

    def is_nil(self) -> bool:
        """Whether it names nothing."""
        return not any(self._binary)

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


class UniqueID(BaseID):
    """Of any kind of thing."""

    @classmethod
    def from_random(cls) -> Self:
        """One that nothing has yet; in the simulator of the process's own random stream."""
        return cls(random.randbytes(16))

    @classmethod
    def nil(cls) -> Self:
        """The one that names nothing."""
        return cls(bytes(16))


class ActorClassID(UniqueID):
    """An exported actor class."""


class FunctionID(UniqueID):
    """An exported function."""


class ActorID(BaseID):
    """An actor through all its restarts."""


class JobID(BaseID):
    """One driver's run."""


class NodeID(BaseID):
    """A node."""


class PlacementGroupID(BaseID):
    """A placement group."""


class TaskID(BaseID):
    """A task."""


class WorkerID(BaseID):
    """A driver or worker process."""
