# SPDX-License-Identifier: Apache-2.0
"""Breaks off the code of tasks in a worker of the real world, in whichever thread it runs."""

from __future__ import annotations

import ctypes
from threading import get_ident

from mobula._core import RunningTask


class Interrupts:
    """The tasks whose code runs at present, and those that were broken off before it began.

    A task can be cancelled from the moment the runtime has handed it out, while its arguments are
    still being decoded or its thread has not started. It ends before its first line then.
    """

    def __init__(self, noted: set[str]) -> None:
        """For one process; ``noted`` is where others look for the tasks that were broken off."""
        # By thread. Who runs a task adds it, checks, and takes it out when its code has ended.
        self.running: dict[int, RunningTask] = {}
        # An id that comes after its task's end is not taken out again: there are few.
        self.early = noted

    def check(self, task: RunningTask) -> None:
        """Raises KeyboardInterrupt in place of the code of a task that was broken off before."""
        if task.task in self.early:
            raise KeyboardInterrupt

    def forget(self, task: RunningTask) -> None:
        """Its code has ended, or never began."""
        self.early.discard(task.task)

    def interrupt(self, task: str) -> None:
        """Raises KeyboardInterrupt in the task's code, now or when it begins.

        In the calling thread at once: for signal handlers. In another one when it next runs
        Python code.
        """
        # Noted first: the task may begin meanwhile.
        self.early.add(task)
        for thread, running in list(self.running.items()):
            if running.task != task:
                continue
            if thread == get_ident():
                raise KeyboardInterrupt
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
            )
