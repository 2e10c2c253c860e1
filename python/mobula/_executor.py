# SPDX-License-Identifier: Apache-2.0
"""Runs tasks in a worker, one call of ``Executor.run`` for each, in either world.

Which thread, greenlet or event loop a task runs on is decided above: in the real world by
``_worker.py``.
"""

from __future__ import annotations

import atexit
import inspect
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from mobula import _arguments, _core, _functions, _gpus, _serialization
from mobula._actor import ActorExit, is_async
from mobula._actor_host import ActorHost
from mobula._errors import EXCEPTION, VALUE, encode_exception
from mobula._interrupts import Interrupts
from mobula._options import extras_of
from mobula._results import Collected, Incomplete, result_of
from mobula._runtime import Execution, Runtime, current_task
from mobula.exceptions import ActorDiedError, AsyncioActorExit, TaskCancelledError

if TYPE_CHECKING:
    import asyncio

    from mobula._surroundings import Surroundings

_EXITS = (ActorExit, AsyncioActorExit)
_GENERATORS = (GeneratorType, AsyncGeneratorType)


def _left(how: str) -> ActorDiedError:
    return ActorDiedError(f"The actor is dead because it exited on purpose: {how}.")


class Executor:
    """Turns a ``RunningTask`` into results, and reports them."""

    def __init__(
        self,
        runtime: Runtime,
        interrupts: Interrupts | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """For one worker process; the last two are told of the code that ``run`` runs."""
        self._runtime = runtime
        # In the simulator nobody knows them: there the hub breaks tasks off.
        self._interrupts = interrupts or Interrupts(runtime.cancelled)
        # None there, and for the calls of concurrent actors.
        self._surroundings = surroundings
        # Of functions, by their ids.
        self._codes: dict[bytes, Callable[..., Any]] = {}
        # Runs so far, by function id, for max_calls.
        self._calls: dict[str, int] = {}
        address = str(runtime.identity["node"]["address"])
        self._ip = address.rpartition(":")[0] or address
        # Of an asyncio actor: the concurrency groups that were called.
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._shows_gpus = _gpus.are_assigned(runtime)
        # Calls of a concurrent actor wait on their own and never lend its CPU out.
        self._lends_cpu = True
        # Whether a task that has run was the last: the runtime will say so.
        self.has_left = False

    def run(self, task: _core.RunningTask) -> None:
        """Executes a task to its end. SystemExit of user code passes through, unreported."""
        execution = Execution(self._runtime, task, self._lends_cpu)
        entered = current_task.set(execution)
        interrupts, surroundings = self._interrupts, self._surroundings
        try:
            # In place, as calls of methods would be felt.
            thread = get_ident()
            try:
                function, args, kwargs = self._resolve(task)
                interrupts.running[thread] = task
                if interrupts.early:
                    interrupts.check(task)
                value = function(*args, **kwargs)
                if type(value) in _GENERATORS:
                    value = self._run_generator(execution, task, value)
            finally:
                interrupts.running.pop(thread, None)
                if interrupts.early:
                    interrupts.forget(task)
                if surroundings is not None:
                    surroundings.end()
        except _EXITS:
            self._report_exit(task)
        except SystemExit:
            raise
        except BaseException as error:
            self._report_failure(execution, task, error)
        else:
            self._report(execution, task, value)
        finally:
            # Code that the task has started may go on.
            execution.is_over = True
            current_task.reset(entered)

    def refuse(self, task: _core.RunningTask, reason: BaseException) -> None:
        """Reports a task that was broken off before its turn."""
        self._report_failure(Execution(self._runtime, task), task, reason)

    async def run_async(self, task: _core.RunningTask) -> None:
        """As ``run``, for the calls of an asyncio actor: other calls may run while it waits."""
        execution = Execution(self._runtime, task, self._lends_cpu)
        entered = current_task.set(execution)
        gate = self._gate_of(task)
        try:
            if gate is not None:
                await gate.acquire()
            try:
                function, args, kwargs = self._resolve(task)
                value = function(*args, **kwargs)
                if inspect.isawaitable(value):
                    value = await value
                if type(value) in _GENERATORS:
                    from mobula import _generator_host

                    value = await _generator_host.run_async(self._runtime, task, value)
            finally:
                if gate is not None:
                    gate.release()
        except _EXITS:
            self._report_exit(task)
        except SystemExit:
            raise
        except BaseException as error:
            self._report_failure(execution, task, error)
        else:
            self._report(execution, task, value)
        finally:
            execution.is_over = True
            current_task.reset(entered)

    def _gate_of(self, task: _core.RunningTask) -> asyncio.Semaphore | None:
        """Open when fewer calls of its group than may run do; None without groups."""
        host = self._runtime.actor_host
        if host is None or not host.concurrency_groups:
            return None
        import asyncio

        group = host.group_of(task)
        if group not in self._gates:
            self._gates[group] = asyncio.Semaphore(host.concurrency_groups[group])
        return self._gates[group]

    def _resolve(
        self, task: _core.RunningTask
    ) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
        """The call to make: what, and its arguments. Raises what the arguments raise."""
        function_id, name, slots = task.take_call()
        if self._surroundings is not None:
            self._surroundings.begin(task, name)
        if function_id is None:
            return self._resolve_foreign(task, name, slots or ())
        args, kwargs = _arguments.NONE if slots is None else _arguments.decode(task, slots)
        host = self._runtime.actor_host
        if host is not None:
            return host.method(name), args, kwargs
        if self._shows_gpus:
            _gpus.show(self._runtime, task)
        code = self._codes.get(function_id)
        if code is not None:
            return code, args, kwargs
        code = self._runtime.functions.load(task.function_id, name)
        if task.creates_actor:
            return self._create_actor, (task, code, args, kwargs), {}
        self._codes[function_id] = code
        return code, args, kwargs

    def _resolve_foreign(
        self, task: _core.RunningTask, name: str, slots: Sequence[tuple[int, Any, bytes]]
    ) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
        """As ``_resolve``, of a call by C++: the code is found by its module and name."""
        args = _arguments.decode_singly(task, slots)
        host = self._runtime.actor_host
        if host is not None:
            return host.method(name), args, {}
        if self._shows_gpus:
            _gpus.show(self._runtime, task)
        code = _functions.find(name)
        if not task.creates_actor:
            return code, args, {}
        if not isinstance(code, type):
            raise TypeError(f"{name} is no class, but {type(code).__name__}")
        if is_async(code):
            raise TypeError(
                f"{name} is an asyncio actor, which C++ cannot make: make it in Python, and find "
                f"it in C++ by its name"
            )
        return self._create_actor, (task, code, args, {}), {}

    def _create_actor(
        self, task: _core.RunningTask, cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        # In place before the constructor runs, which may ask for its own handle.
        host = self._runtime.actor_host = ActorHost(self._runtime, task)
        self._lends_cpu = not host.is_concurrent
        if self._surroundings is not None:
            self._surroundings.become_actor(task)
        self._construct(host, cls, args, kwargs)
        host.watch_end()
        if self._surroundings is not None:
            self._surroundings.name_actor(host)
            if host.is_concurrent:
                self._surroundings.end()
                self._surroundings = None

    @staticmethod
    def _construct(
        host: ActorHost, cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        if type(cls).__call__ is not type.__call__:
            host.instance = cls(*args, **kwargs)
            return
        # The same in two steps, so that an error of the constructor can say whose it is.
        instance = host.instance = cls.__new__(cls, *args, **kwargs)
        if isinstance(instance, cls):
            type(instance).__init__(instance, *args, **kwargs)

    def _run_generator(self, execution: Execution, task: _core.RunningTask, value: Any) -> Any:
        # Few workers run any.
        from mobula import _generator_host

        return _generator_host.run(self._runtime, task, value, execution.releases_cpu)

    # ---- Reporting --------------------------------------------------------------------------

    def _report(self, execution: Execution, task: _core.RunningTask, value: Any) -> None:
        if execution.leaves:
            # The task called `exit_actor`, and caught what that raises.
            self._report_exit(task)
            return
        if self._runtime.process.task_returned(task, value):
            return
        try:
            if type(value) is Collected:
                results = value.results
            else:
                results = self._results(task, self._split(task, value))
        except Exception as error:
            self._report_failure(execution, task, error)
            return
        self._runtime.process.task_executed(task, results, False, self._is_used_up(task))

    @staticmethod
    def _split(task: _core.RunningTask, value: Any) -> Sequence[Any]:
        count = task.num_returns
        if task.is_stream:
            raise ValueError(
                f"{task.name} is called as a generator (num_returns='streaming' or 'dynamic') and "
                f"must return one, but returned {type(value).__name__}"
            )
        if count == 1:
            return (value,)
        if count == 0:
            if value is not None:
                raise ValueError(
                    f"{task.name} has num_returns=0 but returned {type(value).__name__}"
                )
            return ()
        try:
            values = list(value)
        except TypeError:
            raise TypeError(
                f"object of type {type(value).__name__!r} has no len(): {task.name} returned it, "
                f"but num_returns={count}"
            ) from None
        if len(values) != count:
            raise ValueError(
                f"Task returned {len(values)} objects, but num_returns={count}: {task.name}"
            )
        return values

    def _results(self, task: _core.RunningTask, values: Sequence[Any]) -> list[_core.Result]:
        results: list[_core.Result] = []
        for index, value in enumerate(values):
            what = f"what {task.name} returned"
            if task.is_foreign:
                from mobula import _packed

                serialized = _packed.pack(value, what)
            else:
                serialized = _serialization.serialize(value, what)
            results.append(result_of(self._runtime, task, index, VALUE, serialized))
        return results

    def _report_failure(
        self, execution: Execution, task: _core.RunningTask, error: BaseException
    ) -> None:
        if execution.leaves:
            self._report_exit(task)
            return
        if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
            if self.has_left and self._runtime.actor_host is not None:
                error = _left(f"{task.name} was broken off: exit_actor() was called")
            else:
                error = TaskCancelledError(f"{task.name} was cancelled while it ran")
        made: list[_core.Result] = []
        if type(error) is Incomplete:
            assert error.__cause__ is not None
            made, error = error.results, error.__cause__
        results = made + self._failed_results(task, error)[len(made) :]
        self._runtime.process.task_executed(
            task, results, self._is_retryable(task, error), self._is_used_up(task)
        )

    def _report_exit(self, task: _core.RunningTask) -> None:
        self.has_left = True
        if task.creates_actor:
            # Who hears that there is no actor ends the process at once.
            atexit._run_exitfuncs()
        error = _left(f"exit_actor() was called by {task.name}")
        self._runtime.process.task_executed(
            task, self._failed_results(task, error), False, exit_after=True
        )

    def _failed_results(self, task: _core.RunningTask, error: BaseException) -> list[_core.Result]:
        host = self._runtime.actor_host
        actor = ("", "") if host is None else (host.repr(), host.actor_id)
        # It is no error of the method's own when the actor has left.
        name = "" if isinstance(error, ActorDiedError) and self.has_left else task.name
        encoded = encode_exception(error, name, self._ip, task.task, actor)
        if task.is_stream and not isinstance(error, (ActorDiedError, TaskCancelledError)):
            from mobula import _generator_host

            return _generator_host.failed_end(self._runtime, task, encoded)
        return [
            result_of(self._runtime, task, index, EXCEPTION, encoded)
            for index in range(task.num_returns)
        ]

    @staticmethod
    def _is_retryable(task: _core.RunningTask, error: BaseException) -> bool:
        """Whether the runtime may count this as a failure to retry, if the task asks for that."""
        classes = extras_of(task.language_options).get("retry_exceptions")
        return classes is None or isinstance(error, classes)

    def _is_used_up(self, task: _core.RunningTask) -> bool:
        """Counts the runs of functions with max_calls."""
        options = task.language_options
        limit = extras_of(options).get("max_calls", 0) if options else 0
        if not limit:
            return False
        count = self._calls.get(task.function_id, 0) + 1
        self._calls[task.function_id] = count
        self.has_left = count >= limit
        return self.has_left
