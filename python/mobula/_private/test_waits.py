# SPDX-License-Identifier: Apache-2.0
"""Helpers of Ray's own tests that wait."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

__all__ = [
    "async_wait_for_condition",
    "async_wait_for_condition_async_predicate",
    "wait_for_assertion",
    "wait_for_condition",
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
    raise RuntimeError(
        f"The condition wasn't met before the timeout expired: {timeout} s"
    ) from last


def wait_for_assertion(
    assertion_predictor: Callable[..., Any],
    timeout: float = 10,
    retry_interval_ms: float = 100,
    **kwargs: Any,
) -> None:
    """Waits until ``assertion_predictor(**kwargs)`` returns.

    Raises:
        AssertionError: the one that it still raised after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            assertion_predictor(**kwargs)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(retry_interval_ms / 1000)


async def async_wait_for_condition(
    condition_predictor: Callable[..., Any],
    timeout: float = 10,
    retry_interval_ms: float = 100,
    **kwargs: Any,
) -> None:
    """As ``wait_for_condition``, in a coroutine; the condition may be a coroutine function."""
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while time.monotonic() <= deadline:
        try:
            holds = condition_predictor(**kwargs)
            if inspect.isawaitable(holds):
                holds = await holds
            if holds:
                return
        except Exception as error:
            last = error
        await asyncio.sleep(retry_interval_ms / 1000)
    raise RuntimeError(
        f"The condition wasn't met before the timeout expired: {timeout} s"
    ) from last


# Before Ray 2.44 coroutine functions had a helper of their own.
async_wait_for_condition_async_predicate = async_wait_for_condition
