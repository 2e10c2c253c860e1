# SPDX-License-Identifier: Apache-2.0
"""How many threads numerical libraries start in a worker: as many as its task has CPUs.

They read OMP_NUM_THREADS, usually when they are imported. One that the user has set stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_VARIABLE = "OMP_NUM_THREADS"
# Whether the variable is not the user's, in this process and those forked from it.
_is_ours = False


def give_default() -> None:
    """One thread, unless the user has set the variable. It also keeps libraries from starting
    threads before a fork."""
    global _is_ours
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = "1"
        _is_ours = True


def without_default() -> dict[str, str]:
    """The variables of this process as the user has set them, for a program that it becomes."""
    ours = _is_ours and os.environ.get(_VARIABLE) == "1"
    return {name: value for name, value in os.environ.items() if not ours or name != _VARIABLE}


def are_free(environment: Mapping[str, Any]) -> bool:
    """Whether the number may follow the tasks of a worker in that runtime environment."""
    return _is_ours and _VARIABLE not in environment.get("env_vars", {})


def follow(cpus: float) -> None:
    """For a task with so many CPUs."""
    os.environ[_VARIABLE] = str(max(1, int(cpus)))
