# SPDX-License-Identifier: Apache-2.0
"""The process that user code runs in, and which execution in it is the current one.

The package above this module is the same in both worlds. A world (``_world.py``) makes a
``Runtime`` for each process; the two differ in how they wait for the answer to a request.
"""

from __future__ import annotations

import abc
import contextvars
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

    from mobula import _core
    from mobula._actor_host import ActorHost
    from mobula._functions import FunctionTable
    from mobula._metrics_page import MetricsPage
    from mobula._time_line import NodeTimes


class Runtime(abc.ABC):
    """One process of a cluster: a driver or a worker.

    Its methods post an event through ``process`` and, where there is an answer to wait for, give
    the request's number to ``await_request``.
    """

    def __init__(self, process: _core.Process) -> None:
        """Wraps a process that is registered with its cluster."""
        from mobula._completions import Completions
        from mobula._functions import FunctionTable
        from mobula._gpus import visible_gpus

        self.process = process
        self.identity: dict[str, Any] = process.identity()
        self.is_driver: bool = self.identity["address"] == self.identity["driver"]
        self.functions: FunctionTable = FunctionTable(self)
        self.completions = Completions(self)
        # As the node's environment names them; empty when it does not.
        self.visible_gpus = visible_gpus()
        # Of a worker: the actor that lives here.
        self.actor_host: ActorHost | None = None
        # Tasks here that are broken off and have not ended: their ids.
        self.cancelled: set[str] = set()
        # Of its program; made when the first value is recorded.
        self.metrics: MetricsPage | None = None
        # What this process was started in, and what its tasks' children inherit: of a driver that
        # of its job. Its text stands in the headers of tasks that say nothing of their own.
        self.environment: dict[str, Any] = {}
        self.root = Execution(self, context=process.root_context())

    @abc.abstractmethod
    def await_request(self, request: int) -> Any:
        """Blocks the caller, in real or virtual time, until the request is answered.

        Returns what ``Process`` says of the kind of request. Raises what interrupted the caller,
        after abandoning the request.
        """

    @abc.abstractmethod
    async def await_request_async(self, post: Callable[[int], None]) -> Any:
        """As ``await_request``, for a coroutine: lets its event loop run meanwhile.

        ``post`` is called with the number that the request must carry.
        """

    @abc.abstractmethod
    def mark_span(self, started: float, text: str) -> None:
        """Notes a span of the program's own, which ends now, for the time line.

        ``started`` is of ``process.now``, the text a kind or "kind\\0name".
        """

    @abc.abstractmethod
    def time_line(self) -> list[NodeTimes]:
        """When tasks ran, on each living node of the cluster."""

    @property
    def job_space(self) -> str:
        """Of the key-value store: goes with the job, unless that leaves detached actors."""
        return f"job/{self.identity['job']}"

    @functools.cached_property
    def job_facts(self) -> dict[str, Any]:
        """What `JobConfig` said beyond what the runtime knows."""
        from mobula._job_config import facts_of

        return facts_of(self.identity["job_config"]["language_config"])

    @abc.abstractmethod
    def workers(self) -> list[dict[str, Any]]:
        """The processes of all living nodes, drivers too; the fields of ``WorkerView``.

        Besides "node", the id of the node.
        """

    @property
    def namespace(self) -> str:
        """The namespace in which this job's actors are named."""
        return str(self.identity["job_config"]["ray_namespace"])

    def resolve_environment(self, env: Mapping[str, Any]) -> dict[str, Any]:
        """A checked environment as every node of the cluster can make it."""
        from mobula._environments.resolve import resolve

        return resolve(self, env)

    def fetch_package(self, uri: str) -> bytes | None:
        """What `resolve_environment` has stored under a URI."""
        reply = self.ask_kv("kGet", self.job_space, uri)
        return bytes(reply["value"]) if reply["found"] else None

    def ask_kv(
        self, operation: str, space: str, key: str, value: bytes = b"", overwrite: bool = True
    ) -> dict[str, Any]:
        """One question to the key-value store of the cluster; the fields of ``KvReply``."""
        request = self.process.request_kv(operation, space, key, value, overwrite)
        reply: dict[str, Any] = self.await_request(request)
        return reply


class AsyncRequest:
    """A get of some references, to be posted under a number that comes later."""

    __slots__ = ("references", "runtime")

    def __init__(self, runtime: Runtime, references: Sequence[_core.ObjectRef]) -> None:
        """Remembers what to ask for."""
        self.runtime = runtime
        self.references = list(references)

    def __call__(self, request: int) -> None:
        """Posts the request."""
        self.runtime.process.request_get(self.references, releases_cpu=False, request=request)


class Execution:
    """User code that runs: a task, or a process's code outside any task."""

    __slots__ = ("_context", "is_over", "leaves", "releases_cpu", "runtime", "task")

    def __init__(
        self,
        runtime: Runtime,
        task: _core.RunningTask | None = None,
        releases_cpu: bool = False,
        context: _core.TaskContext | None = None,
    ) -> None:
        """Of a task, or with the context of a process outside any."""
        self.runtime = runtime
        # Outside tasks: None.
        self.task = task
        # Whether the CPU of the task's lease may be lent out while it waits.
        self.releases_cpu = releases_cpu
        # Whether `exit_actor` was called in it, and whether its end was reported.
        self.leaves = False
        self.is_over = False
        self._context = context

    @property
    def context(self) -> _core.TaskContext:
        """Names what this execution submits and puts. Made when needed: most tasks do neither."""
        context = self._context
        if context is None:
            assert self.task is not None
            context = self._context = self.task.context()
        return context


# The task that runs in this thread, coroutine or greenlet. Unset outside tasks.
current_task: contextvars.ContextVar[Execution | None] = contextvars.ContextVar(
    "mobula_execution", default=None
)


@functools.cache
def _worlds() -> types.ModuleType:
    # It needs this module; and an import statement in `current` would take half of its time.
    from mobula import _world

    return _world


def current() -> Execution:
    """The execution that the caller belongs to; starts a local cluster when there is none."""
    execution = current_or_none()
    if execution is None:
        from mobula._init import init

        init()
        execution = current_or_none()
        assert execution is not None
    return execution


def current_or_none() -> Execution | None:
    """The execution that the caller belongs to, if it belongs to a cluster."""
    execution = current_task.get()
    if execution is None:
        execution = _worlds().current.root
    return execution
