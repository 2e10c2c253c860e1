# SPDX-License-Identifier: Apache-2.0
"""Clocks and sleep on virtual time."""

from __future__ import annotations

import datetime
import math
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mobula import _sim_process
from mobula._virtual_patch import put, replace, replace_method

if TYPE_CHECKING:
    from mobula._sim_hub import Hub

# The world begins on 1 January 2025, UTC, on machines that have been up for an hour.
_EPOCH_NS = 1_735_689_600 * 10**9
_UPTIME_NS = 3_600 * 10**9
# Sleeps end that late. On real machines they always end late, so programs rely on differences of
# time.time() being no less than what they slept; its floats are coarser than nanoseconds.
_OVERSHOOT_NS = 1_000


def install(hub: Hub) -> None:
    """Replaces the clocks of the modules time and datetime, and time.sleep."""
    _install_clocks(hub)
    _install_calendar()
    _install_sleep(hub)
    # These keep clocks of their own.
    put(threading, "_time", time.monotonic)
    put(queue, "time", time.monotonic)


def _install_clocks(hub: Hub) -> None:
    def wall_ns() -> int:
        return _EPOCH_NS + hub.now_ns()

    def steady_ns() -> int:
        return _UPTIME_NS + hub.now_ns()

    def cpu_ns() -> int:
        return 0  # Computing costs no virtual time.

    clocks = {
        "time": wall_ns,
        "monotonic": steady_ns,
        "perf_counter": steady_ns,
        "process_time": cpu_ns,
        "thread_time": cpu_ns,
    }
    for name, clock in clocks.items():
        replace(time, f"{name}_ns", _alias(clock))
        replace(time, name, _in_seconds(clock))

    by_id = {
        time.CLOCK_REALTIME: wall_ns,
        time.CLOCK_PROCESS_CPUTIME_ID: cpu_ns,
        time.CLOCK_THREAD_CPUTIME_ID: cpu_ns,
    }

    def clock_gettime_ns(clock_id: int, /) -> int:
        return by_id.get(clock_id, steady_ns)()

    def clock_gettime(clock_id: int, /) -> float:
        return clock_gettime_ns(clock_id) / 1e9

    replace(time, "clock_gettime_ns", clock_gettime_ns)
    replace(time, "clock_gettime", clock_gettime)


def _alias(clock: Callable[[], int]) -> Callable[[], int]:
    def read() -> int:
        return clock()

    return read


def _in_seconds(clock: Callable[[], int]) -> Callable[[], float]:
    def read() -> float:
        return clock() / 1e9

    return read


def _install_calendar() -> None:
    """Makes the functions that read the clock when they are given no time read the virtual one."""
    for name in ("localtime", "gmtime", "ctime"):
        replace(time, name, _with_clock(getattr(time, name)))
    real_strftime, real_asctime = time.strftime, time.asctime

    def strftime(form: str, moment: Any = None, /) -> str:
        return real_strftime(form, time.localtime() if moment is None else moment)

    def asctime(moment: Any = None, /) -> str:
        return real_asctime(time.localtime() if moment is None else moment)

    replace(time, "strftime", strftime)
    replace(time, "asctime", asctime)

    def now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return cls.fromtimestamp(time.time(), tz)

    def utcnow(cls: type[datetime.datetime]) -> datetime.datetime:
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    replace_method(datetime.datetime, "now", classmethod(now))
    replace_method(datetime.datetime, "utcnow", classmethod(utcnow))


def _with_clock(real: Callable[[float], Any]) -> Callable[..., Any]:
    def of_seconds(seconds: float | None = None, /) -> Any:
        return real(time.time() if seconds is None else seconds)

    return of_seconds


def _install_sleep(hub: Hub) -> None:
    def sleep(seconds: float, /) -> None:
        if not hasattr(seconds, "__float__") and not hasattr(seconds, "__index__"):
            raise TypeError(f"{type(seconds).__name__!r} object cannot be interpreted as seconds")
        if math.isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        hub.sleep_ns(round(seconds * 1e9) + _OVERSHOOT_NS)

    def select_nothing(
        rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
    ) -> tuple[list[Any], list[Any], list[Any]]:
        if rlist or wlist or xlist:
            _sim_process.refuse("select.select() on files", "ray.wait() or queue.Queue")
        if timeout is None:
            _sim_process.refuse("select.select() without end", "threading.Event")
        sleep(timeout)
        return [], [], []

    replace(time, "sleep", sleep)
    replace(select, "select", select_nothing)
