# SPDX-License-Identifier: Apache-2.0
"""Ends simulations that would not end: programs that never wait, and those that wait for ever."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable

# The virtual world replaces these in their modules.
from os import _exit
from signal import setitimer
from signal import signal as set_handler
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, NoReturn, TextIO

from mobula._sim_hub import Hub
from mobula._sim_process import DeadlockError, SpinningError, current

_EXIT_CODE = 1
# What runs programs and tests.
_NOT_THE_PROGRAMS = (os.path.dirname(__file__), "/_pytest/", "/pluggy/")
# How often it looks within the limit.
_LOOKS = 4


def start(
    hub: Hub, limit_s: float, errors: TextIO | None = None, *, will_fork: bool = False
) -> None:
    """Ends the simulation, with the stack, once nothing has switched for so many real seconds.

    And when the user interrupts it: that is no event of the simulated world. Its last words go to
    `errors`, by default standard error. A process that `will_fork` is watched by signals only:
    the thread that faulthandler starts would be missing in its children, who wait for it.
    """
    errors = errors or sys.stderr

    def look() -> None:
        if not will_fork:
            _expect_to_look_again(limit_s, errors)

    def complain(frame: FrameType | None) -> None:
        _end(_complaint(limit_s), frame, errors, _EXIT_CODE)

    def interrupt(number: int, frame: FrameType | None) -> None:
        _end(f"mobula sim: interrupted. {_who()} was here:", frame, errors, 128 + number)

    set_handler(signal.SIGINT, interrupt)
    look()
    _watch(hub, limit_s, complain, look)


def raise_when_spinning(hub: Hub, limit_s: float) -> Callable[[], None]:
    """Raises SpinningError in code that has not let anything else run for so many real seconds.

    For a simulation in the user's own process; returns what ends the watch. Nothing is watched
    where signals do not arrive: in other threads than the main one.
    """
    if current_thread() is not main_thread():
        return lambda: None

    def complain(frame: FrameType | None) -> None:
        raise SpinningError(_complaint(limit_s))

    before = _watch(hub, limit_s, complain)

    def end() -> None:
        setitimer(signal.ITIMER_REAL, 0)
        set_handler(signal.SIGALRM, before)

    return end


def _watch(
    hub: Hub,
    limit_s: float,
    complain: Callable[[FrameType | None], None],
    look: Callable[[], None] = lambda: None,
) -> Any:
    """Calls `look` now and then, and `complain` when nothing switches; returns the old handler."""
    seen, unchanged = hub.switches, 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal seen, unchanged
        look()
        unchanged = unchanged + 1 if hub.switches == seen else 0
        seen = hub.switches
        if unchanged == _LOOKS:
            unchanged = 0
            complain(frame)

    before = set_handler(signal.SIGALRM, handle)
    setitimer(signal.ITIMER_REAL, limit_s / _LOOKS, limit_s / _LOOKS)
    return before


def _expect_to_look_again(limit_s: float, errors: TextIO) -> None:
    """Signals wait while a function written in C runs; this does not."""
    faulthandler.dump_traceback_later(2 * limit_s, exit=True, file=errors)


def stack(frame: FrameType | None) -> list[str]:
    """Returns the lines of the stack that are the program's own."""
    frames = traceback.extract_stack(frame)
    own = [f for f in frames if not any(folder in f.filename for folder in _NOT_THE_PROGRAMS)]
    return traceback.format_list(own)


def _end(why: str, frame: FrameType | None, errors: TextIO, code: int) -> NoReturn:
    # The signal may have come in the middle of a write.
    with contextlib.suppress(RuntimeError):
        sys.stdout.flush()
    print(why, file=errors)
    print(*stack(frame), sep="", end="", file=errors, flush=True)
    _exit(code)


def _who() -> str:
    process = current()
    return "The program" if process is None or process.is_driver else f"Worker {process.pid}"


def _complaint(limit_s: float) -> str:
    return (
        f"mobula sim: {_who()} has run for {limit_s:g} s of real time without waiting once. "
        "Virtual time stands still while Python computes, so a loop that waits for a clock or "
        "for another thread never ends: call time.sleep() or ray.wait() in it. If it really "
        "computes for that long, raise the watchdog's limit. It is here:"
    )


def stop() -> None:
    """Stops watching."""
    setitimer(signal.ITIMER_REAL, 0)
    faulthandler.cancel_dump_traceback_later()


def report_deadlock(hub: Hub, waits: list[str]) -> None:
    """Ends the simulation because nothing will happen any more; tells who waits for what."""
    print(
        f"mobula sim: after {hub.now_ns() / 1e9:.6f} s of virtual time nothing will happen any "
        "more, and the program still waits:",
        file=sys.stderr,
    )
    for wait in waits:
        print(f"  {wait}", file=sys.stderr)
    for thread in hub.driver.greenlets:
        print("It is here:", "".join(stack(thread.gr_frame)), sep="\n", end="", file=sys.stderr)
    hub.exit_code = _EXIT_CODE


def raise_deadlock(hub: Hub, waits: list[str]) -> None:
    """Raises DeadlockError in the driver's main thread: nothing will happen any more."""
    lines = "".join(f"\n  {wait}" for wait in waits)
    error = DeadlockError(
        f"after {hub.now_ns() / 1e9:.6f} s of virtual time nothing will happen any more, and the "
        f"program still waits:{lines}"
    )
    hub.interrupt(hub.driver.greenlets[0], error)
