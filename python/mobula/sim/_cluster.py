# SPDX-License-Identifier: Apache-2.0
"""A simulated cluster for part of a program: inside a `with` statement."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from mobula import _init, _sim_process, _sim_setup, _sim_watchdog
from mobula._sim_options import SimOptions
from mobula._virtual_threads import finish_threads
from mobula.sim._control import Control


class Cluster(Control):
    """Simulates a cluster in this process while a `with` statement lasts.

    >>> import mobula
    >>> from mobula import sim
    >>> with sim.Cluster(nodes=3, seed=7) as cluster:
    ...     square = mobula.remote(lambda x: x * x)
    ...     results = [square.remote(x) for x in range(4)]
    ...     cluster.crash("n2")
    ...     mobula.get(results)
    [0, 1, 4, 9]

    Inside, the calling code is the driver: time, randomness, threads and event loops are virtual
    for the whole process, and calls that would leave the simulation are refused. The cluster
    starts with the first call that needs it, or with `init`. At the end all is as before. Code that
    lets nothing else run for `watchdog_s` real seconds gets a SpinningError.

    No other thread of the operating system may use what is virtual meanwhile.
    """

    def __init__(self, *, nodes: int = 1, seed: int = 0, **options: Any) -> None:
        """Describes the cluster.

        Args:
            nodes: How many; they are called n1, n2, ...
            seed: The same seed gives the same run.
            **options: As `mobula sim` takes them: cpus, gpus, object_store_memory, faults, crash,
                restart, trace, latency, cost, check_invariants, watchdog_s.

        Raises:
            ValueError: An option is wrong.
        """
        self._options = SimOptions(nodes=nodes, seed=seed, **options)
        # So that a wrong option is told here.
        _sim_setup.make_world(self._options)

    def __enter__(self) -> Cluster:
        """Begins the simulation."""
        if _sim_process.current() is not None:
            raise RuntimeError(
                "this code runs in a simulated cluster already; mobula.sim.current_cluster() "
                "gives what can be done to it"
            )
        if _init.is_initialized():
            raise RuntimeError("this process is in a real cluster; call shutdown() first")
        super().__init__(_sim_setup.enter(self._options, _sim_watchdog.raise_deadlock))
        self._hub.adopt_caller()
        limit_s = self._options.watchdog_s
        self._end_watch = _sim_watchdog.raise_when_spinning(self._hub, limit_s)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the simulation. The record of it stays."""
        try:
            _init.shutdown()
            if error is None:
                finish_threads(self._hub.driver)
        finally:
            self._end_watch()
            self._hub.release_caller()
            _sim_setup.leave()
