# SPDX-License-Identifier: Apache-2.0
"""Helpers that tests of Ray programs use, under the names that Ray gives them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import mobula

__all__ = [
    "Semaphore",
    "SignalActor",
    "client_test_enabled",
    "run_string_as_driver",
    "wait_for_condition",
    "wait_for_pid_to_exit",
]


def wait_for_condition(
    condition_predictor: Callable[..., bool],
    timeout: float = 10,
    retry_interval_ms: float = 100,
    raise_exceptions: bool = False,
    **kwargs: Any,
) -> None:
    """Waits until ``condition_predictor(**kwargs)`` is true.

    Raises:
        RuntimeError: it was not within ``timeout`` seconds; carries the last exception, if any.
    """
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while time.monotonic() <= deadline:
        try:
            if condition_predictor(**kwargs):
                return
        except Exception as error:
            if raise_exceptions:
                raise
            last = error
        time.sleep(retry_interval_ms / 1000)
    raise RuntimeError(f"the condition was not true within {timeout} s") from last


def wait_for_pid_to_exit(pid: int, timeout: float = 20) -> None:
    """Waits until no process has this id; a zombie that nobody reaps counts as gone."""

    def is_gone() -> bool:
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait_for_condition(is_gone, timeout=timeout)


def run_string_as_driver(driver_script: str, env: dict[str, str] | None = None) -> str:
    """Runs a program in a process of its own, with ``import ray`` as in this one.

    Returns:
        What it wrote, standard error included.

    Raises:
        subprocess.CalledProcessError: it failed; ``output`` is what it wrote.
    """
    program = f"import mobula.alias; mobula.alias.install()\n{driver_script}"
    done = subprocess.run(
        [sys.executable, "-"],
        input=program,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def client_test_enabled() -> bool:
    """Whether tests run through Ray Client: never here."""
    return False


@mobula.remote(num_cpus=0)
class SignalActor:
    """Lets tasks wait until the test says go."""

    def __init__(self) -> None:
        self.ready_event = asyncio.Event()
        self.num_waiters = 0

    async def send(self, clear: bool = False) -> None:
        """Wakes all who wait; with ``clear``, those who come later wait again."""
        self.ready_event.set()
        if clear:
            self.ready_event.clear()

    async def wait(self, should_wait: bool = True) -> None:
        """Returns once the signal was sent."""
        if should_wait:
            self.num_waiters += 1
            await self.ready_event.wait()
            self.num_waiters -= 1

    async def cur_num_waiters(self) -> int:
        """How many wait now."""
        return self.num_waiters


@mobula.remote(num_cpus=0)
class Semaphore:
    """A counting semaphore that tasks share."""

    def __init__(self, value: int = 1) -> None:
        self._semaphore = asyncio.Semaphore(value=value)

    async def acquire(self) -> None:
        """Waits for its turn."""
        await self._semaphore.acquire()

    async def release(self) -> None:
        """Lets the next one in."""
        self._semaphore.release()

    async def locked(self) -> bool:
        """Whether the next `acquire` would wait."""
        return self._semaphore.locked()
