# SPDX-License-Identifier: Apache-2.0
"""How long a failure costs: from the kill to the value that it held up."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import ray
from ray.cluster_utils import Cluster

_LIMIT_S = 120


@contextlib.contextmanager
def _one_node() -> Iterator[None]:
    ray.init(num_cpus=2)
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _head() -> Iterator[Cluster]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    ray.init(address=cluster.address)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@ray.remote(num_cpus=1, resources={"worker": 1}, max_retries=-1)
def make_array() -> np.ndarray:
    """80 MB, on a node that is to die."""
    return np.ones(10 << 20)


def object_after_node_death() -> float:
    """The only copy of an object is lost with its node; another node makes it again."""
    with _head() as cluster:
        doomed = cluster.add_node(num_cpus=1, resources={"worker": 1})
        cluster.wait_for_nodes()
        # So that both nodes have a worker, and only the recovery is measured.
        ray.get(make_array.remote())
        lost = make_array.remote()
        ray.wait([lost], fetch_local=False)
        cluster.add_node(num_cpus=1, resources={"worker": 1})
        cluster.wait_for_nodes()
        start = time.perf_counter()
        cluster.remove_node(doomed, allow_graceful=False)
        ray.get(lost, timeout=_LIMIT_S)
        return time.perf_counter() - start


@ray.remote(max_restarts=-1, max_task_retries=-1)
class Mortal:
    """An actor that comes back."""

    def pid(self) -> int:
        """Of its process."""
        return os.getpid()


def actor_restart() -> float:
    """An actor's process is killed; its next call is answered by the new one."""
    with _one_node():
        actor = Mortal.remote()
        pid = ray.get(actor.pid.remote())
        start = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        while ray.get(actor.pid.remote(), timeout=_LIMIT_S) == pid:
            pass
        return time.perf_counter() - start


@ray.remote(max_retries=-1)
def sleep_first(file: str) -> None:
    """The first attempt tells its process and never ends."""
    path = pathlib.Path(file)
    if not path.exists():
        # At once, and not half of it.
        path.with_suffix(".new").write_text(str(os.getpid()))
        path.with_suffix(".new").rename(path)
        time.sleep(_LIMIT_S)


def task_retry() -> float:
    """The worker of a running task is killed; the task runs again elsewhere."""
    with _one_node(), tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "pid")
        done = sleep_first.remote(str(file))
        while not file.exists():
            time.sleep(0.001)
        start = time.perf_counter()
        os.kill(int(file.read_text()), signal.SIGKILL)
        ray.get(done, timeout=_LIMIT_S)
        return time.perf_counter() - start


ROWS: dict[str, Callable[[], float]] = {
    "recovery: object lost with its node": object_after_node_death,
    "recovery: actor killed": actor_restart,
    "recovery: worker of a task killed": task_retry,
}
