# SPDX-License-Identifier: Apache-2.0
"""Which GPUs code may use: their numbers, and the variable that libraries obey."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mobula._runtime import Execution, current

if TYPE_CHECKING:
    from mobula import _core
    from mobula._runtime import Runtime

VARIABLE = "CUDA_VISIBLE_DEVICES"
# With it, Ray leaves the variable to the user.
_NOSET = "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"
# Of these nodes have none to number.
_OTHERS = ("TPU", "neuron_cores", "HPU", "NPU", "RBLN")


def get_gpu_ids() -> list[int] | list[str]:
    """The GPUs of the task that runs, or of its actor; none outside tasks.

    As the node numbers them from 0; as the CUDA_VISIBLE_DEVICES of the node names them, if its
    daemon was started with that.

    >>> import mobula
    >>> mobula.get_gpu_ids()
    []
    """
    return _named(_numbers(current()), current().runtime.visible_gpus)


def accelerator_ids(execution: Execution) -> dict[str, list[str]]:
    """The same for each kind of accelerator, as text."""
    gpus = _named(_numbers(execution), execution.runtime.visible_gpus)
    return {"GPU": [str(gpu) for gpu in gpus], **{name: [] for name in _OTHERS}}


def _numbers(execution: Execution) -> list[int]:
    host = execution.runtime.actor_host
    if host is not None:
        return host.gpus
    return execution.task.gpus if execution.task is not None else []


def _named(numbers: list[int], visible: list[str]) -> list[int] | list[str]:
    if not visible:
        return numbers
    return [visible[number] for number in numbers if number < len(visible)]


def visible_gpus() -> list[str]:
    """What this process was started with."""
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def are_assigned(runtime: Runtime) -> bool:
    """Whether workers here get some, and others must not see them."""
    has_some = runtime.identity["node"]["total"].get("GPU", 0) > 0
    return has_some and not os.environ.get(_NOSET)


def show(runtime: Runtime, task: _core.RunningTask) -> None:
    """Lets the libraries that this process uses see what the task holds, and nothing else."""
    names = _named(task.gpus, runtime.visible_gpus)
    os.environ[VARIABLE] = ",".join(str(name) for name in names)
