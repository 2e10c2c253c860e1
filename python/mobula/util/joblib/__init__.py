# SPDX-License-Identifier: Apache-2.0
"""joblib, and so scikit-learn, on the cluster: ``with joblib.parallel_backend("ray")``."""

from __future__ import annotations

__all__ = ["register_ray"]


def register_ray() -> None:
    """Makes "ray" a backend of joblib, which must be installed.

    For example::

        register_ray()
        with joblib.parallel_backend("ray"):
            joblib.Parallel()(joblib.delayed(abs)(x) for x in range(-4, 4))
    """
    try:
        import joblib
    except ImportError as error:
        raise ImportError(
            "register_ray needs joblib, which is not installed: pip install joblib"
        ) from error
    from mobula.util.joblib.ray_backend import RayBackend

    joblib.register_parallel_backend("ray", RayBackend)
