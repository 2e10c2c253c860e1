# SPDX-License-Identifier: Apache-2.0
"""How often something can be called in a second."""

from __future__ import annotations

import time
from collections.abc import Callable


def measure(call: Callable[[], object], seconds: float, rounds: int) -> list[float]:
    """Calls per second in each round, after half a round to warm up."""
    _calls_per_second(call, seconds / 2)
    return [_calls_per_second(call, seconds) for _ in range(rounds)]


def _calls_per_second(call: Callable[[], object], seconds: float) -> float:
    # Short calls are timed in bundles, so that the clock costs nothing.
    bundle, count, start = 1, 0, time.perf_counter()
    while True:
        for _ in range(bundle):
            call()
        count += bundle
        passed = time.perf_counter() - start
        if passed >= seconds:
            return count / passed
        if passed < seconds / 20:
            bundle *= 2
