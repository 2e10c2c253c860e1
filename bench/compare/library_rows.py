# SPDX-License-Identifier: Apache-2.0
"""The rows that Python's standard library has: pools of processes, queues and pipes between them;
and the floors under calls and copies.

They carry the names of Ray's rows. What is measured is the nearest thing the library has, which
does less: no objects that outlive a call, no other machines, no retries.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import echo
import numpy as np
from stopwatch import measure

__all__ = ["ROWS", "measure"]

BATCH = 1_000
Row = tuple[str, float, Callable[[], object]]


def nothing(_: object = None) -> bytes:
    """The smallest task."""
    return b"ok"


def serve(pipe: Connection) -> None:
    """Answers, as an actor does."""
    while True:
        pipe.recv()
        pipe.send(b"ok")


@contextlib.contextmanager
def of_multiprocessing() -> Iterator[list[Row]]:
    """A pool, a queue, and a process at the other end of a pipe."""
    queue: multiprocessing.Queue[object] = multiprocessing.Queue()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    there.close()

    def through_queue(value: object) -> None:
        queue.put(value)
        queue.get()

    def call_many() -> None:
        # As many in flight as the pipe holds for sure.
        for _ in range(BATCH // 100):
            for _ in range(100):
                here.send(None)
            for _ in range(100):
                here.recv()

    def call() -> None:
        here.send(None)
        here.recv()

    array = np.zeros(100 << 20, dtype=np.int64)
    with multiprocessing.Pool(os.cpu_count()) as pool:
        yield [
            ("single client put calls", 1, lambda: through_queue(0)),
            ("single client put gigabytes", 0.8, lambda: through_queue(array)),
            ("single client tasks sync", 1, lambda: pool.apply(nothing)),
            ("single client tasks async", BATCH, lambda: pool.map(nothing, range(BATCH), 1)),
            ("1:1 actor calls sync", 1, call),
            ("1:1 actor calls async", BATCH, call_many),
        ]
    server.terminate()
    server.join()


@contextlib.contextmanager
def of_futures() -> Iterator[list[Row]]:
    """A pool."""
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:

        def run_many() -> None:
            for future in [pool.submit(nothing) for _ in range(BATCH)]:
                future.result()

        yield [
            ("single client tasks sync", 1, lambda: pool.submit(nothing).result()),
            ("single client tasks async", BATCH, run_many),
        ]


@contextlib.contextmanager
def of_echo() -> Iterator[list[Row]]:
    """A process that is called over a Unix socket: the least that a call of another takes."""
    with echo.server() as call:
        sync = (1.0, lambda: call(1))
        at_once = (float(BATCH), lambda: call(BATCH))
        yield [
            ("single client tasks sync", *sync),
            ("single client tasks async", *at_once),
            ("1:1 actor calls sync", *sync),
            ("1:1 actor calls async", *at_once),
        ]


@contextlib.contextmanager
def of_memcpy() -> Iterator[list[Row]]:
    """A copy into memory that is there already: the least that storing an array takes."""
    # As in Ray's script, which has what `numpy.zeros` gives.
    array = np.zeros(100 << 20, dtype=np.int64)
    warm = np.ones_like(array)
    yield [("single client put gigabytes", 0.8, lambda: np.copyto(warm, array))]


ROWS = {
    "multiprocessing": of_multiprocessing,
    "concurrent.futures": of_futures,
    "bare echo": of_echo,
    "memcpy": of_memcpy,
}
