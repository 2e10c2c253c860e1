# SPDX-License-Identifier: Apache-2.0
"""The process that workers are forked from, with what they need imported already.

One per node, started by its daemon with the node's session folder as argument. They speak JSON in
packets of a Unix socket whose descriptor is in MOBULA_ZYGOTE_FD:

- from the daemon: ``{"op": "fork", "worker", "job", "socket", "env"}`` with two descriptors, the
  new worker's standard output and error;
- to the daemon: ``{"op": "ready"}``, ``{"op": "forked", "worker", "pid"}`` and
  ``{"op": "exited", "worker", "pid", "status"}``.

When the daemon closes the socket, or dies, the zygote kills its children and ends. It runs no
thread, so that a fork copies a process that does nothing else.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from mobula import _cpu_threads
from mobula._parent import call_process, die_with

_PACKET_MAX = 1 << 20


def _end_with_parent(parent: int, name: str) -> None:
    """Also renames the process, which shows that it is so from here on."""
    die_with(parent)
    call_process(name)


def _preimport() -> None:
    _cpu_threads.give_default()
    # Ray's name for the daemon's process.
    os.environ["RAY_RAYLET_PID"] = str(os.getppid())
    import concurrent.futures.thread

    import cloudpickle

    import mobula._worker
    import mobula.alias

    del concurrent, cloudpickle
    mobula.alias.install()


# What not every worker needs takes as long to import as all else. So the first workers, for whom a
# new cluster's first task may wait, are forked without it; when nobody wants one for a moment, it
# is imported for those that come later, one after the other.
_LATER = ("asyncio", "mobula._async_calls", "numpy")
_MOMENT_MS = 20


def _import_quietly(module: str) -> None:
    """Children will share its pages; it need not be installed."""
    with contextlib.suppress(ImportError):
        importlib.import_module(module)
    _freeze()


def _freeze() -> None:
    # What exists now is never collected: children share its pages for as long as they can.
    gc.disable()
    gc.collect()
    gc.freeze()


class _Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        # By the descriptor that tells of its end: (worker, pid).
        self._children: dict[int, tuple[str, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._later = collections.deque(_LATER)

    def run(self) -> None:
        """Until the daemon is gone."""
        self._send({"op": "ready"})
        while True:
            ready = self._poll.poll(_MOMENT_MS if self._later else None)
            if not ready:
                _import_quietly(self._later.popleft())
            for descriptor, _ in ready:
                if descriptor != self._control.fileno():
                    self._reap(descriptor)
                elif not self._obey():
                    return

    def kill_children(self) -> None:
        for descriptor in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        for _, pid in self._children.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.send(json.dumps(message).encode())

    def _obey(self) -> bool:
        """Handles one packet; False when there will be no more."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET_MAX, 2)
        except ConnectionResetError:
            return False
        if not packet:
            return False
        order = json.loads(packet)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(order, descriptors, zygote)
        for descriptor in descriptors:
            os.close(descriptor)
        watch = os.pidfd_open(pid)
        self._children[watch] = (order["worker"], pid)
        self._poll.register(watch, select.POLLIN)
        self._send({"op": "forked", "worker": order["worker"], "pid": pid})
        return True

    def _reap(self, descriptor: int) -> None:
        worker, pid = self._children.pop(descriptor)
        _, status = os.waitpid(pid, 0)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        self._send({"op": "exited", "worker": worker, "pid": pid, "status": status})

    def _become_worker(
        self, order: dict[str, Any], descriptors: list[int], zygote: int
    ) -> NoReturn:
        _end_with_parent(zygote, "mobula-worker")
        self._control.close()
        for watch in self._children:
            os.close(watch)
        for target, descriptor in zip((1, 2), descriptors, strict=True):
            os.dup2(descriptor, target)
            os.close(descriptor)
        from mobula._worker import live

        live(lambda: _work(order))


def _work(order: dict[str, Any]) -> None:
    gc.unfreeze()
    gc.enable()
    # The random module seeds itself anew after a fork; numpy's old generator does not.
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    from mobula._worker import run_worker

    start = [order["socket"], order["worker"], order.get("env") or "", *sys.argv[1:]]
    refusal = None
    if order.get("env"):
        # Not above: most workers need nothing of it.
        from mobula._environments.enter import enter_interpreter

        arguments = ["-P", "-m", "mobula._worker_main", *start]
        refusal = enter_interpreter(json.loads(order["env"]), sys.argv[1], arguments)
    run_worker(*start, refusal=refusal)


def main() -> None:
    """Serves the daemon that started this process."""
    control = socket.socket(fileno=int(os.environ.pop("MOBULA_ZYGOTE_FD")))
    control.set_inheritable(False)
    _end_with_parent(os.getppid(), "mobula-zygote")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preimport()
    _freeze()
    zygote = _Zygote(control)
    try:
        zygote.run()
    finally:
        zygote.kill_children()


if __name__ == "__main__":
    main()
