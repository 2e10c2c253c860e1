# SPDX-License-Identifier: Apache-2.0
"""Errors that nobody has looked at when their last reference goes."""

from __future__ import annotations

import os
from typing import Any

from mobula import _logs


def tell(error: Exception) -> None:
    """Tells the driver's user of one."""
    _logs.logger.error(f"Unhandled error (suppress with 'RAY_IGNORE_UNHANDLED_ERRORS=1'): {error}")


def report(payload: dict[str, Any]) -> None:
    """Hands an error on, as the runtime gives it, to what Ray's tests replace.

    As in Ray, that an actor has gone or a task was cancelled is not told: most often somebody
    meant it.
    """
    if "RAY_IGNORE_UNHANDLED_ERRORS" in os.environ:
        return
    # Not above: few programs let errors go.
    from mobula._errors import of_payload
    from mobula._private import worker
    from mobula.exceptions import RayActorError, TaskCancelledError

    error = of_payload(payload)
    if not isinstance(error, RayActorError | TaskCancelledError):
        worker._unhandled_error_handler(error)
