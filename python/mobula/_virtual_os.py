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

# Between two looks whether a child has ended.
_CHILD_POLL_NS = 1_000_000
_CLEAR_SCREEN = "\x1b[H\x1b[2J"
_FATAL_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGABRT, signal.SIGSEGV)


def install(hub: Hub) -> None:
    """Replaces what os tells of processes and CPUs, and what would start or end processes."""
    _install_identity(hub)
    # Of nodes whose daemon was ended by a signal: that signal, by the daemon's number.
    ended: dict[int, int] = {}
    _install_endings(hub, ended)
    _install_children(hub, ended)


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
        """Returns init's: who has started a simulated process is no part of the simulation."""
        return 1

    replace(os, "getpid", getpid)
    replace(os, "getppid", getppid)
    replace(os, "cpu_count", cpu_count)
    replace(os, "sched_getaffinity", sched_getaffinity)
    replace(socket, "gethostname", gethostname)


def _install_endings(hub: Hub, ended: dict[int, int]) -> None:
    def kill(pid: int, number: int, /) -> None:
        target, node = hub.find_pid(pid), hub.find_daemon(pid)
        if node is not None:
            if number in _FATAL_SIGNALS:
                ended[pid] = int(number)
                hub.end_node(node, number == signal.SIGTERM)
            return
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


def _install_children(hub: Hub, ended: dict[int, int]) -> None:
    """Other programs have no part in the simulation; only clearing the screen is let through.

    A program's children are the daemons of its nodes.
    """

    real_waitpid = os.waitpid

    def waitpid(pid: int, options: int, /) -> tuple[int, int]:
        if _sim_process.current() is None:
            return real_waitpid(pid, options)
        while hub.find_daemon(pid) is not None:
            if options & os.WNOHANG:
                return 0, 0
            hub.sleep_ns(_CHILD_POLL_NS)
        if pid not in ended:
            raise ChildProcessError(10, "No child processes")
        return pid, ended.pop(pid)

    def system(command: str) -> int:
        if command.strip() not in ("clear", "cls", "reset"):
            _sim_process.refuse(f"os.system({command!r})", "Python functions")
        if sys.stdout.isatty():
            sys.stdout.write(_CLEAR_SCREEN)
        return 0

    replace(os, "waitpid", waitpid)
    replace(os, "system", system)
    for name in ("fork", "forkpty", "popen", "posix_spawn", "posix_spawnp", "execv", "execve"):
        replace(os, name, _refusal(f"os.{name}()"))


def _refusal(call: str) -> Any:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        _sim_process.refuse(call, "tasks and actors (@ray.remote)")

    return refuse
