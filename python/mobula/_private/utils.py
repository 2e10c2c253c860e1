# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask for besides: errors for drivers, and interrupts that come later."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NoReturn

from mobula._private import gcs_pubsub
from mobula.util import get_node_ip_address

__all__ = ["DeferSigint", "get_node_ip_address", "publish_error_to_driver"]


def publish_error_to_driver(error_type: str, message: str, **how: Any) -> None:
    """Tells an error to whoever listens (see ``gcs_pubsub``).

    Ray's options, which say where its own store is, are taken and have no effect.
    """
    gcs_pubsub.publish(error_type, message)


class DeferSigint:
    """Keeps SIGINT back until the end of a ``with`` block; for the main thread.

    >>> import os, signal
    >>> try:
    ...     with DeferSigint():
    ...         os.kill(os.getpid(), signal.SIGINT)
    ...         print("undisturbed")
    ... except KeyboardInterrupt:
    ...     print("interrupted")
    undisturbed
    interrupted
    """

    def __init__(self) -> None:
        """Nothing is kept back yet."""
        self._came: tuple[int, FrameType | None] | None = None
        self._handler: Any = None
        self._set_handler = signal.signal

    @classmethod
    @contextlib.contextmanager
    def create_if_main_thread(cls) -> Iterator[DeferSigint | None]:
        """Does nothing in other threads, which no signal interrupts."""
        if threading.current_thread() is not threading.main_thread():
            yield None
            return
        with cls() as deferred:
            yield deferred

    def __enter__(self) -> DeferSigint:
        """From here on it is kept back, and its handler must stay."""
        self._handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._keep)
        signal.signal = self._refuse_sigint  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Calls the handler, if the signal has come."""
        signal.signal = self._set_handler
        signal.signal(signal.SIGINT, self._handler)
        if self._came is not None and callable(self._handler):
            self._handler(*self._came)

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self._came = (number, frame)

    def _refuse_sigint(self, number: int, handler: Any) -> Any:
        if number == signal.SIGINT:
            _refuse()
        return self._set_handler(number, handler)


def _refuse() -> NoReturn:
    raise ValueError("the handler of SIGINT cannot be set while DeferSigint keeps the signal back")
