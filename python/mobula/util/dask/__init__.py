# SPDX-License-Identifier: Apache-2.0
"""Dask on the cluster: ``dask.compute(..., scheduler=ray_dask_get)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mobula import _lazy
from mobula.util.dask.scheduler import ray_dask_get, ray_dask_get_sync

if TYPE_CHECKING:
    from mobula.util.dask.callbacks import (
        ProgressBarCallback,
        RayDaskCallback,
        local_ray_callbacks,
        unpack_ray_callbacks,
    )

_CALLBACKS = (
    "ProgressBarCallback",
    "RayDaskCallback",
    "local_ray_callbacks",
    "unpack_ray_callbacks",
)
# They are made of Dask's own.
__getattr__ = _lazy.attributes(
    __name__, {name: f"mobula.util.dask.callbacks:{name}" for name in _CALLBACKS}
)

__all__ = [
    "ProgressBarCallback",
    "RayDaskCallback",
    "disable_dask_on_ray",
    "enable_dask_on_ray",
    "local_ray_callbacks",
    "ray_dask_get",
    "ray_dask_get_sync",
    "ray_dask_persist",
    "unpack_ray_callbacks",
]


def enable_dask_on_ray(
    shuffle: str | None = "tasks", use_shuffle_optimization: bool | None = True
) -> Any:
    """Makes ``ray_dask_get`` Dask's scheduler; as a context manager until its end.

    Dataframes shuffle by tasks, the only way without Dask's own cluster.
    """
    if shuffle not in ("tasks", None):
        raise ValueError(f"shuffle must be 'tasks' or None, got {shuffle!r}")
    return _dask().config.set(
        {"scheduler": ray_dask_get, **({"dataframe.shuffle.method": shuffle} if shuffle else {})}
    )


def disable_dask_on_ray() -> Any:
    """Lets Dask choose its scheduler again."""
    return _dask().config.set(scheduler=None)


def ray_dask_persist(*args: Any, **kwargs: Any) -> Any:
    """As ``dask.persist``: collections whose parts are computed, and stay in the cluster."""
    return _dask().persist(*args, scheduler=ray_dask_get, ray_persist=True, **kwargs)


def _dask() -> Any:
    try:
        import dask
    except ImportError as error:
        raise ImportError("this needs Dask, which is not installed: pip install dask") from error
    return dask
