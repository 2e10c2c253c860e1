# SPDX-License-Identifier: Apache-2.0
"""The backend itself; importing it needs joblib."""

from __future__ import annotations

from typing import Any

from joblib._parallel_backends import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    PoolManagerMixin,
    SequentialBackend,
)

import mobula
from mobula.util.multiprocessing import Pool

__all__ = ["RayBackend"]


class RayBackend(PoolManagerMixin, AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """Runs joblib's batches in a pool of actors."""

    supports_retrieve_callback = True
    supports_return_generator = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        ray_remote_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """``ray_remote_args`` are the options of the actors."""
        super().__init__(
            nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads, **kwargs
        )
        self._remote_args = ray_remote_args

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many actors: -1 means one for each CPU of the cluster; None means one."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if not mobula.is_initialized():
            mobula.init()
        if n_jobs is None:
            return 1
        cpus = int(mobula.cluster_resources().get("CPU", 1))
        return max(cpus + 1 + n_jobs, 1) if n_jobs < 0 else min(n_jobs, cpus)

    def configure(
        self,
        n_jobs: int | None = 1,
        parallel: Any = None,
        prefer: str | None = None,
        require: str | None = None,
        ray_remote_args: dict[str, Any] | None = None,
        **ignored: Any,
    ) -> int:
        """Starts the pool; with one job joblib calls the functions itself.

        What joblib asks of pools of processes, such as where they map memory, has no meaning here.
        """
        count = self.effective_n_jobs(n_jobs)
        if count == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._pool = Pool(count, ray_remote_args=ray_remote_args or self._remote_args)
        return count

    def terminate(self) -> None:
        """Ends the pool, and forgets what was learnt of the best size of a batch."""
        super().terminate()
        self.reset_batch_stats()
