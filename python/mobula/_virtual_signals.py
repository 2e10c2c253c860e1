# SPDX-License-Identifier: Apache-2.0
"""Signals, which belong to real processes: what simulated ones may do with them."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from mobula import _sim_process
from mobula._virtual_patch import replace

# What real time would end or interrupt, and what waits for it.
_TIMERS = ("alarm", "setitimer")
_WAITS = ("pause", "sigwait", "sigwaitinfo", "sigtimedwait")


def install() -> None:
    """Refuses timers and waits of the kernel; a process may send signals to itself."""
    for name in _TIMERS:
        replace(signal, name, _refusal(f"signal.{name}()", "threading.Timer"))
    for name in _WAITS:
        replace(signal, name, _refusal(f"signal.{name}()", "threading.Event"))
    replace(signal, "pthread_kill", _refusal("signal.pthread_kill()", "a remote call"))
    replace(os, "killpg", _refusal("os.killpg()", "os.kill()"))
    for name in ("poll", "epoll"):
        replace(select, name, _refusal(f"select.{name}()", "ray.wait() or queue.Queue"))

    def raise_signal(number: int, /) -> None:
        os.kill(os.getpid(), number)

    replace(signal, "raise_signal", raise_signal)
    real_signal = signal.signal

    def set_handler(number: int, handler: Any, /) -> Any:
        if number == signal.SIGALRM:
            _sim_process.refuse("signal.signal(SIGALRM, ...)", "threading.Timer")
        return real_signal(number, handler)

    replace(signal, "signal", set_handler)


def _refusal(call: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        _sim_process.refuse(call, instead)

    return refuse
