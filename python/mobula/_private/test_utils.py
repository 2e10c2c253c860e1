# SPDX-License-Identifier: Apache-2.0
"""Helpers that tests of Ray programs use, under the names that Ray gives them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil

import mobula
from mobula import _world
from mobula._private.gcs_pubsub import ErrorSubscriber, LogSubscriber
from mobula._private.gcs_utils import ActorTableData
from mobula._private.test_groups import (
    dicts_equal,
    is_placement_group_removed,
    no_resource_leaks_excluding_node_resources,
    placement_group_assert_no_leak,
)
from mobula._private.test_processes import (
    PrometheusTimeseries,
    chdir,
    check_call_ray,
    check_call_subprocess,
    fetch_prometheus,
    fetch_prometheus_metric_timeseries,
    fetch_prometheus_metrics,
    fetch_prometheus_timeseries,
    format_web_url,
    get_current_unused_port,
    wait_until_server_available,
)
from mobula._private.test_waits import (
    async_wait_for_condition,
    async_wait_for_condition_async_predicate,
    wait_for_assertion,
    wait_for_condition,
)
from mobula._world import Node
from mobula.cluster_utils import Cluster
from mobula.util.state import list_actors

__all__ = [
    "PrometheusTimeseries",
    "RayTestTimeoutException",
    "Semaphore",
    "SignalActor",
    "async_wait_for_condition",
    "async_wait_for_condition_async_predicate",
    "chdir",
    "check_call_ray",
    "check_call_subprocess",
    "client_test_enabled",
    "convert_actor_state",
    "dicts_equal",
    "fetch_prometheus",
    "fetch_prometheus_metric_timeseries",
    "fetch_prometheus_metrics",
    "fetch_prometheus_timeseries",
    "format_web_url",
    "generate_system_config_map",
    "get_actor_node_id",
    "get_current_unused_port",
    "get_error_message",
    "get_log_batch",
    "get_log_message",
    "get_non_head_nodes",
    "get_other_nodes",
    "init_error_pubsub",
    "init_log_pubsub",
    "is_placement_group_removed",
    "kill_actor_and_wait_for_failure",
    "kill_raylet",
    "no_resource_leaks_excluding_node_resources",
    "placement_group_assert_no_leak",
    "put_object",
    "run_string_as_driver",
    "run_string_as_driver_nonblocking",
    "run_string_as_driver_stdout_stderr",
    "same_elements",
    "wait_for_assertion",
    "wait_for_children_of_pid",
    "wait_for_children_of_pid_to_exit",
    "wait_for_condition",
    "wait_for_num_actors",
    "wait_for_num_nodes",
    "wait_for_pid_to_exit",
    "wait_until_server_available",
    "wait_until_succeeded_without_exception",
]


class RayTestTimeoutException(Exception):  # noqa: N818 (Ray's name)
    """For tests that wait on their own."""


# Until those who use a process of their node know of its end.
_NOTICED_S = 0.1


def wait_for_pid_to_exit(pid: int, timeout: float = 20) -> None:
    """Waits until no process has this id and its node knows it.

    A zombie that nobody reaps counts as gone.
    """

    wait_for_condition(lambda: not _world.current.has_process(pid), timeout=timeout)
    time.sleep(_NOTICED_S)


def wait_for_children_of_pid(pid: int, num_children: int = 1, timeout: float = 20) -> None:
    """Waits until a process has at least so many children."""
    parent = psutil.Process(pid)
    wait_for_condition(lambda: len(parent.children()) >= num_children, timeout=timeout)


def wait_for_children_of_pid_to_exit(pid: int, timeout: float = 20) -> None:
    """Waits until the children that a process has now have ended."""
    _, alive = psutil.wait_procs(psutil.Process(pid).children(), timeout=timeout)
    if alive:
        raise TimeoutError(f"after {timeout} s there still are {alive}")


def run_string_as_driver(driver_script: str, env: dict[str, str] | None = None) -> str:
    """Runs a program in a process of its own, with ``import ray`` as in this one.

    Returns:
        What it wrote, standard error included.

    Raises:
        subprocess.CalledProcessError: it failed; ``output`` is what it wrote.
    """
    return _run_driver(driver_script, env, stderr=subprocess.STDOUT).stdout


def run_string_as_driver_stdout_stderr(
    driver_script: str, env: dict[str, str] | None = None
) -> tuple[str, str]:
    """As ``run_string_as_driver``, the two outputs on their own."""
    done = _run_driver(driver_script, env, stderr=subprocess.PIPE)
    return done.stdout, done.stderr


def _run_driver(
    driver_script: str, env: dict[str, str] | None, stderr: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-"],
        input=_AS_RAY + driver_script,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
    )


# Before a program that says `import ray`.
_AS_RAY = "import mobula.alias; mobula.alias.install()\n"


def run_string_as_driver_nonblocking(
    driver_script: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """As ``run_string_as_driver``, without waiting: returns the process, its output in pipes."""
    process = subprocess.Popen(
        [sys.executable, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    assert process.stdin is not None
    process.stdin.write((_AS_RAY + driver_script).encode())
    process.stdin.close()
    return process


def generate_system_config_map(**settings: Any) -> dict[str, Any]:
    """The parameter of a fixture that makes a cluster with these system settings."""
    return {"_system_config": settings}


def get_other_nodes(cluster: Cluster, exclude_head: bool = False) -> list[Node]:
    """The nodes of the cluster that this driver is not on."""
    here = mobula.get_runtime_context().get_node_id()
    return [
        node
        for node in cluster.list_all_nodes()
        if node.node_id != here and not (exclude_head and node is cluster.head_node)
    ]


def get_non_head_nodes(cluster: Cluster) -> list[Node]:
    """The nodes of the cluster but the head."""
    return [node for node in cluster.list_all_nodes() if node is not cluster.head_node]


def get_actor_node_id(actor_handle: mobula.ActorHandle) -> str:
    """The node that an actor lives on."""
    node: str = mobula.get(
        actor_handle.__ray_call__.remote(lambda _: mobula.get_runtime_context().get_node_id())
    )
    return node


def same_elements(elems_a: Iterable[Any], elems_b: Iterable[Any]) -> bool:
    """Whether two collections have the same elements, in whatever order and number."""
    first, second = list(elems_a), list(elems_b)
    return all(one in second for one in first) and all(one in first for one in second)


def kill_raylet(node: Node | dict[str, Any], graceful: bool = False) -> None:
    """Ends the daemon of a node: one of a ``Cluster``, or as ``nodes()`` tells of the own one."""
    if isinstance(node, dict):
        own = _world.current.own_node()
        if own.node_id != node["NodeID"]:
            raise ValueError("only the node that mobula.init() has started can be named so")
        node = own
    node.stop(graceful=graceful)


def kill_actor_and_wait_for_failure(
    actor: mobula.ActorHandle, timeout: float = 10, retry_interval_ms: float = 100
) -> None:
    """Kills an actor for good and waits until the cluster has noticed."""
    actor_id = actor._actor_id.hex()
    mobula.kill(actor)

    def is_dead() -> bool:
        actors = list_actors()
        return any(view["actor_id"] == actor_id and view["state"] == "DEAD" for view in actors)

    wait_for_condition(is_dead, timeout=timeout, retry_interval_ms=retry_interval_ms)


def convert_actor_state(state: str | int | None) -> str | None:
    """How lists of actors call a state that Ray's protocol numbers."""
    return ActorTableData(state).name if isinstance(state, int) else state


def wait_for_num_actors(
    num_actors: int, state: str | int | None = None, timeout: float = 10
) -> None:
    """Waits until at least so many actors are known (in this state, if one is named)."""
    wanted = convert_actor_state(state)

    def is_reached() -> bool:
        views = list_actors()
        return len([view for view in views if wanted in (None, view["state"])]) >= num_actors

    wait_for_condition(is_reached, timeout=timeout)


def wait_for_num_nodes(num_nodes: int, timeout_s: float = 30) -> None:
    """Waits until at least so many nodes are alive."""
    wait_for_condition(
        lambda: sum(node["Alive"] for node in mobula.nodes()) >= num_nodes, timeout=timeout_s
    )


def init_error_pubsub() -> ErrorSubscriber:
    """Listens to the errors that drivers are told of from now on."""
    return ErrorSubscriber()


def get_error_message(
    subscriber: ErrorSubscriber,
    num: float = 1e6,
    error_type: str | None = None,
    timeout: float = 20,
) -> list[dict[str, Any]]:
    """Up to ``num`` errors (of that type, if one is named) that come within ``timeout`` seconds."""
    return _collect(
        lambda seconds: subscriber.poll(timeout=seconds)[1],
        num,
        timeout,
        lambda error: error_type in (None, error["type"]),
    )


def init_log_pubsub() -> LogSubscriber:
    """Listens to what workers write from now on."""
    return LogSubscriber()


def get_log_batch(
    subscriber: LogSubscriber,
    num: float,
    timeout: float = 20,
    job_id: str | None = None,
    matcher: Callable[[dict[str, Any]], bool] | None = None,
) -> list[dict[str, Any]]:
    """Up to ``num`` times what a worker wrote, with its ``pid``, as far as the matcher likes it."""
    return _collect(
        lambda seconds: subscriber.poll(timeout=seconds),
        num,
        timeout,
        lambda logs: job_id in (None, logs["job"]) and (matcher is None or matcher(logs)),
    )


def get_log_message(
    subscriber: LogSubscriber,
    num: float = 1e6,
    timeout: float = 20,
    job_id: str | None = None,
    matcher: Callable[[str], bool] | None = None,
) -> list[list[str]]:
    """As ``get_log_batch``, the lines only; the matcher is asked about each of them."""
    batches = get_log_batch(
        subscriber,
        num,
        timeout,
        job_id,
        lambda logs: matcher is None or any(matcher(line) for line in logs["lines"]),
    )
    return [logs["lines"] for logs in batches]


def _collect(
    poll: Callable[[float], dict[str, Any]],
    num: float,
    timeout: float,
    is_wanted: Callable[[dict[str, Any]], bool],
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + timeout
    found: list[dict[str, Any]] = []
    while len(found) < num and time.monotonic() < deadline:
        one = poll(max(0.0, deadline - time.monotonic()))
        if not one:
            break
        if is_wanted(one):
            found.append(one)
    return found


def wait_until_succeeded_without_exception(
    function: Callable[..., Any],
    exceptions: type[Exception] | tuple[type[Exception], ...],
    *args: Any,
    timeout_ms: float = 1000,
    retry_interval_ms: float = 100,
    raise_last_ex: bool = False,
) -> bool:
    """Calls the function until it raises none of these exceptions. Returns whether that came."""
    deadline = time.monotonic() + timeout_ms / 1000
    while True:
        try:
            function(*args)
            return True
        except exceptions:
            if time.monotonic() > deadline:
                if raise_last_ex:
                    raise
                return False
        time.sleep(retry_interval_ms / 1000)


@mobula.remote
def _give_back(value: Any) -> Any:
    return value


def put_object(value: Any, use_ray_put: bool) -> mobula.ObjectRef:
    """A reference to the value: put, or the result of a task."""
    reference: mobula.ObjectRef = mobula.put(value) if use_ray_put else _give_back.remote(value)
    return reference


def client_test_enabled() -> bool:
    """Whether tests run through Ray Client: never here."""
    return False


@mobula.remote(num_cpus=0)
class SignalActor:
    """Lets tasks wait until the test says go."""

    def __init__(self) -> None:
        self.ready_event = asyncio.Event()
        self.num_waiters = 0

    async def send(self, clear: bool = False) -> None:
        """Wakes all who wait; with ``clear``, those who come later wait again."""
        self.ready_event.set()
        if clear:
            self.ready_event.clear()

    async def wait(self, should_wait: bool = True) -> None:
        """Returns once the signal was sent."""
        if should_wait:
            self.num_waiters += 1
            await self.ready_event.wait()
            self.num_waiters -= 1

    async def cur_num_waiters(self) -> int:
        """How many wait now."""
        return self.num_waiters


@mobula.remote(num_cpus=0)
class Semaphore:
    """A counting semaphore that tasks share."""

    def __init__(self, value: int = 1) -> None:
        self._semaphore = asyncio.Semaphore(value=value)

    async def acquire(self) -> None:
        """Waits for its turn."""
        await self._semaphore.acquire()

    async def release(self) -> None:
        """Lets the next one in."""
        self._semaphore.release()

    async def locked(self) -> bool:
        """Whether the next `acquire` would wait."""
        return self._semaphore.locked()
