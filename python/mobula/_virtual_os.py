# SPDX-License-Identifier: Apache-2.0
"""What simulated processes see of the operating system: themselves, their signals, their node."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from mobula import _sim_process
from mobula._virtual_patch import replace

if TYPE_CHECKING:
    from mobula._sim_hub import Hub

_CLEAR_SCREEN = "\x1b[H\x1b[2J"
_FATAL_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGABRT, signal.SIGSEGV)


def install(hub: Hub) -> None:
    """Replaces what os tells of processes and CPUs, and what would start or end processes."""
    _install_identity(hub)
    _install_endings(hub)
    _install_children()


def _install_identity(hub: Hub) -> None:
    real_pid, real_name = os.getpid(), socket.gethostname()

    def getpid() -> int:
        process = _sim_process.current()
        return process.pid if process else real_pid

    def cpu_count() -> int:
        """Returns the CPUs of the whole simulated cluster: to a program it is one machine."""
        return hub.cluster_cpus()

    def sched_getaffinity(pid: int, /) -> set[int]:
        return set(range(hub.cluster_cpus()))

    def gethostname() -> str:
        process = _sim_process.current()
        return process.node if process else real_name

    def getppid() -> int:
        """Returns init's: the daemons of simulated nodes are no processes that one could see."""
        return 1

    replace(os, "getpid", getpid)
    replace(os, "getppid", getppid)
    replace(os, "cpu_count", cpu_count)
    replace(os, "sched_getaffinity", sched_getaffinity)
    replace(socket, "gethostname", gethostname)


def _install_endings(hub: Hub) -> None:
    def kill(pid: int, number: int, /) -> None:
        target = hub.find_pid(pid)
        if target is None:
            raise ProcessLookupError(3, "No such process")
        if number == signal.SIGINT and target is hub.driver:
            hub.interrupt_driver()
        elif number in _FATAL_SIGNALS:
            hub.end_process(target, -int(number), f"killed by {signal.Signals(number).name}")
        elif number != 0:
            _sim_process.refuse(f"os.kill(pid, {number})", "SIGKILL, or a remote call")

    real_exit = os._exit

    def exit_now(status: int) -> None:
        process = _sim_process.current()
        if process is None:
            real_exit(status)
        hub.end_process(process, status, f"os._exit({status})")

    def abort() -> None:
        kill(os.getpid(), signal.SIGABRT)

    replace(os, "kill", kill)
    replace(os, "_exit", exit_now)
    replace(os, "abort", abort)


def _install_children() -> None:
    """Other programs have no part in the simulation; only clearing the screen is let through."""

    def system(command: str) -> int:
        if command.strip() not in ("clear", "cls", "reset"):
            _sim_process.refuse(f"os.system({command!r})", "Python functions")
        if sys.stdout.isatty():
            sys.stdout.write(_CLEAR_SCREEN)
        return 0

    replace(os, "system", system)
    for name in ("fork", "forkpty", "popen", "posix_spawn", "posix_spawnp", "execv", "execve"):
        replace(os, name, _refusal(f"os.{name}()"))


def _refusal(call: str) -> Any:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        _sim_process.refuse(call, "tasks and actors (@ray.remote)")

    return refuse
