# SPDX-License-Identifier: Apache-2.0
"""What `ps` and `top` show of a process."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable

# Of /proc/PID/stat, behind the process's name: where its arguments begin and end in its memory.
_ARGUMENTS = slice(45, 47)


class Titles:
    """The command line of this process, which is written over in place.

    A title costs less than a tenth of a microsecond, so it can be changed for each task. It is cut
    to the length of the arguments with which the process was started.
    """

    def __init__(self) -> None:
        """Nothing is changed yet."""
        with open("/proc/self/stat") as file:
            begin, end = map(int, file.read().rpartition(")")[2].split()[_ARGUMENTS])
        # The last byte stays zero: it ends what the system takes for the arguments.
        self._size = max(end - begin - 1, 0)
        memory = memoryview((ctypes.c_char * self._size).from_address(begin)).cast("B")
        # Writes what `prepare` has made in the place of the command line.
        self.show: Callable[[bytes], None] = functools.partial(memory.__setitem__, slice(None))
        self._name = os.open("/proc/self/comm", os.O_WRONLY)

    def prepare(self, title: str) -> bytes:
        """What to give to `show`; a multi-byte letter may be cut."""
        return title.encode()[: self._size].ljust(self._size, b"\0")

    def name(self, title: str) -> None:
        """What `top` shows, for which the system must be called."""
        os.write(self._name, title.encode())
