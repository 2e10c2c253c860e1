# SPDX-License-Identifier: Apache-2.0
"""The standard library's ``multiprocessing.Pool``, with actors of the cluster as its processes."""

from __future__ import annotations

from multiprocessing import JoinableQueue, TimeoutError

from mobula.util.multiprocessing.pool import Pool

__all__ = ["JoinableQueue", "Pool", "TimeoutError"]
