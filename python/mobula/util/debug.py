# SPDX-License-Identifier: Apache-2.0
"""Messages that are logged once, not in every round of a loop."""

from __future__ import annotations

import time

__all__ = ["disable_log_once_globally", "enable_periodic_logging", "log_once", "reset_log_once"]

_PERIOD_S = 60.0


class _Log:
    """What was logged by this process."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.disabled = False
        self.periodic = False
        self.last = 0.0


_log = _Log()


def log_once(key: str) -> bool:
    """Whether this is the first call with the key, so that the caller shall log.

    >>> reset_log_once("an example")
    >>> log_once("an example"), log_once("an example")
    (True, False)
    """
    if _log.disabled:
        return False
    now = time.time()
    if key not in _log.keys:
        _log.keys.add(key)
        _log.last = now
        return True
    if _log.periodic and now - _log.last > _PERIOD_S:
        # The next call of each key counts as the first.
        _log.keys.clear()
        _log.last = now
    return False


def disable_log_once_globally() -> None:
    """From now on ``log_once`` always says no in this process."""
    _log.disabled = True


def enable_periodic_logging() -> None:
    """From now on ``log_once`` says yes again a minute after the last message."""
    _log.periodic = True


def reset_log_once(key: str | None = None) -> None:
    """Forgets one key, or all of them."""
    if key is None:
        _log.keys.clear()
    else:
        _log.keys.discard(key)
