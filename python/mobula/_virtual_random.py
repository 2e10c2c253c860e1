# SPDX-License-Identifier: Apache-2.0
"""Randomness from the seed: each simulated process has streams of its own."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from mobula import _sim_process
from mobula._virtual_patch import put, replace

_ENTROPY_BITS = 128


def install() -> None:
    """Replaces the sources of randomness of os, random, uuid, secrets and numpy.random."""
    # For whoever draws outside any process, at import for instance: a stream of its own.
    outside = _sim_process.Process(pid=0, node="", is_driver=False, seed="outside")

    def here() -> _sim_process.Process:
        return _sim_process.current() or outside

    _install_entropy(here)
    _install_random(here)
    _install_uuid(here)
    _install_numpy(here)


def _install_entropy(here: Callable[[], _sim_process.Process]) -> None:
    def urandom(size: int, /) -> bytes:
        if size < 0:
            raise ValueError("negative argument not allowed")
        return here().stream("os.urandom").randbytes(size)

    def getrandom(size: int, flags: int = 0) -> bytes:
        return urandom(size)

    replace(os, "urandom", urandom)
    replace(os, "getrandom", getrandom)
    # random.SystemRandom and, through it, secrets and fresh numpy seeds.
    put(random, "_urandom", urandom)


def _install_random(here: Callable[[], _sim_process.Process]) -> None:
    real_seed = random.Random.seed

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            a = int.from_bytes(os.urandom(_ENTROPY_BITS // 8), "big")
        real_seed(self, a, version)

    for name in random.__all__:
        function = getattr(random, name)
        if getattr(function, "__self__", None) is random._inst:
            replace(random, name, _of_process(here, "random", _random_stream, name))
    put(random.Random, "seed", seed)


def _random_stream(process: _sim_process.Process) -> random.Random:
    return process.stream("random")


def _install_numpy(here: Callable[[], _sim_process.Process]) -> None:
    shared = np.random.mtrand._rand
    for name in dir(np.random):
        function = getattr(np.random, name)
        if getattr(function, "__self__", None) is shared:
            replace(np.random, name, _of_process(here, "numpy.random", _numpy_stream, name))
    # A plain function of numpy's, with the shared generator inside.
    replace(np.random, "seed", _of_process(here, "numpy.random", _numpy_stream, "seed"))


def _numpy_stream(process: _sim_process.Process) -> np.random.RandomState:
    return np.random.RandomState(process.stream("numpy.random").getrandbits(32))


def _of_process(
    here: Callable[[], _sim_process.Process],
    family: str,
    make: Callable[[_sim_process.Process], Any],
    name: str,
) -> Callable[..., Any]:
    """Returns a function that calls the method `name` of the calling process's generator."""

    def call(*args: Any, **kwargs: Any) -> Any:
        process = here()
        generator = process.extra(family, lambda: make(process))
        return getattr(generator, name)(*args, **kwargs)

    return call


def _install_uuid(here: Callable[[], _sim_process.Process]) -> None:
    # Without these, uuid1 falls back to the clock, the machine's address and random numbers.
    put(uuid, "_generate_time_safe", None)
    put(uuid, "_UuidCreate", None)

    def getnode() -> int:
        process = here()
        return int(process.extra("uuid.node", lambda: _hardware_address(process)))

    replace(uuid, "getnode", getnode)


def _hardware_address(process: _sim_process.Process) -> int:
    """Returns an address marked as made up: the multicast bit is set."""
    return process.stream("uuid.node").getrandbits(48) | 1 << 40
