# SPDX-License-Identifier: Apache-2.0
"""The controller's end of the sockets to daemons, workers and drivers, while a fault plan runs.

What goes over them is described in runtime/host/local/reporter.h.
"""

from __future__ import annotations

import collections
import contextlib
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable

_PACKET_MAX = 1 << 16
# Longer than any order takes; a process that stands still does not answer.
_ORDER_TIMEOUT_S = 2.0


class Session:
    """One connected process."""

    def __init__(self, connection: socket.socket) -> None:
        """Of which nothing is known but its pid."""
        self.connection = connection
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        self.pid: int = struct.unpack("3i", credentials)[0]
        # "daemon", "worker" or "driver", once it has said so.
        self.role = ""
        self.node = ""
        # Of the worker, or of the daemon's incarnation.
        self.id = ""
        # How many tasks of each name were handed to it.
        self.tasks: collections.Counter[str] = collections.Counter()
        self.actor = ""

    def runs(self, name: str) -> bool:
        """Whether it has a task of this name, or is an actor of this class."""
        return self.tasks[name] > 0 or self.actor == name

    def is_busy(self) -> bool:
        """Whether it has any task, or is an actor."""
        return bool(self.actor) or self.tasks.total() > 0

    def send(self, *words: str) -> bool:
        """Sends a packet; False when the process is gone, or has not read for long."""
        packet = b"".join(word.encode() + b"\0" for word in words)
        try:
            self.connection.send(packet, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def receive(self) -> list[str] | None:
        """Returns the next packet's words; None when the process is gone."""
        try:
            packet = self.connection.recv(_PACKET_MAX)
        except OSError:
            return None
        return packet.decode().split("\0")[:-1] if packet else None


class ControlServer:
    """Takes connections and packets, and gives orders.

    ``on_packet`` is called by ``pump`` for each packet that is no answer to an order, and for the
    end of a connection (with no words). It may give orders: what arrives while an order waits for
    its answers is handed over later.
    """

    def __init__(self, folder: str, on_packet: Callable[[Session, list[str]], None]) -> None:
        """Listens in `folder`, which must be the user's alone."""
        self.path = os.path.join(folder, "faults")
        self.sessions: list[Session] = []
        self._on_packet = on_packet
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._inbox: collections.deque[tuple[Session, list[str]]] = collections.deque()
        self._next_order = 1
        self._unanswered: set[tuple[Session, str]] = set()

    def fileno(self) -> int:
        """For polling."""
        return self._selector.fileno()

    def of_node(self, node: str, role: str = "") -> list[Session]:
        """Returns its processes in the order of their coming, of one role or all."""
        return [
            session
            for session in self.sessions
            if session.node == node and role in ("", session.role)
        ]

    def pump(self) -> None:
        """Hands over all that has arrived."""
        self._receive(0)
        while self._inbox:
            self._on_packet(*self._inbox.popleft())
            self._receive(0)

    def order(
        self, sessions: Iterable[Session], *words: str, patient: Callable[[Session], bool]
    ) -> None:
        """Gives an order to processes; waits until those that `patient` names have obeyed."""
        number = str(self._next_order)
        self._next_order += 1
        for session in sessions:
            if session.send(words[0], number, *words[1:]) and patient(session):
                self._unanswered.add((session, number))
        deadline = time.monotonic() + _ORDER_TIMEOUT_S
        while self._unanswered and (left := deadline - time.monotonic()) > 0:
            self._receive(left)
        self._unanswered.clear()

    def close(self) -> None:
        """Lets all go: daemons end, others go on."""
        for session in self.sessions:
            session.connection.close()
        self.sessions.clear()
        self._selector.close()
        self._listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _receive(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._listener:
                self._accept()
                continue
            session: Session = key.data
            words = session.receive()
            if words is None:
                self._forget(session)
            elif words[0] == "done":
                self._unanswered.discard((session, words[1]))
            else:
                self._inbox.append((session, words))

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                session = Session(connection)
                self.sessions.append(session)
                self._selector.register(connection, selectors.EVENT_READ, session)

    def _forget(self, session: Session) -> None:
        self._selector.unregister(session.connection)
        session.connection.close()
        self.sessions.remove(session)
        self._unanswered = {entry for entry in self._unanswered if entry[0] is not session}
        self._inbox.append((session, []))
