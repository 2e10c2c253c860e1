# SPDX-License-Identifier: Apache-2.0
"""Runs the generators of tasks in a worker: each item is handed over as it is made."""

from __future__ import annotations

from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any

from mobula import _core, _serialization
from mobula._errors import EXCEPTION, VALUE
from mobula._object_ref_generator import DynamicObjectRefGenerator
from mobula._results import Collected, Incomplete, result_of
from mobula._stream_steps import END, NEXT
from mobula.exceptions import TaskCancelledError

if TYPE_CHECKING:
    from mobula._runtime import Runtime


def run(runtime: Runtime, task: _core.RunningTask, generator: Any, releases_cpu: bool) -> Collected:
    """Runs the generator that a task returned. Returns the results that end the task."""
    if type(generator) is AsyncGeneratorType:
        raise TypeError(
            f"{task.name} returned an async generator, which runs in asyncio actors only"
        )
    if not task.is_stream:
        return _collect(runtime, task, generator)
    try:
        for item in generator:
            result = result_of(runtime, task, task.items_made + 1, VALUE, _serialize(task, item))
            request = runtime.process.yield_item(task, result, releases_cpu)
            # While it waits it keeps nothing alive.
            del item, result
            if not _goes_on(task, runtime.await_request(request)):
                break
    finally:
        generator.close()
    return Collected([_end(runtime, task, task.items_made)])


async def run_async(runtime: Runtime, task: _core.RunningTask, generator: Any) -> Collected:
    """As ``run``, on the event loop of an asyncio actor; of either kind of generator."""
    is_async = type(generator) is AsyncGeneratorType
    if not task.is_stream:
        if is_async:
            raise TypeError(
                f"{task.name} is an async generator, whose items come one by one: it cannot have "
                f"num_returns={task.num_returns}; leave num_returns out"
            )
        return _collect(runtime, task, generator)
    try:
        while True:
            try:
                item = await anext(generator) if is_async else next(generator)
            except (StopIteration, StopAsyncIteration):
                break
            parts = [result_of(runtime, task, task.items_made + 1, VALUE, _serialize(task, item))]
            # While it waits it keeps nothing alive.
            del item

            def post(request: int, parts: list[_core.Result] = parts) -> None:
                runtime.process.yield_item(task, parts.pop(), False, request)

            if not _goes_on(task, await runtime.await_request_async(post)):
                break
    finally:
        if is_async:
            await generator.aclose()
        else:
            generator.close()
    return Collected([_end(runtime, task, task.items_made)])


def failed_end(
    runtime: Runtime, task: _core.RunningTask, error: _serialization.Serialized
) -> list[_core.Result]:
    """The results of a generator that raised: its end, and one more item, the exception."""
    index = task.items_made + 1
    item = result_of(runtime, task, index, EXCEPTION, error)
    return [_end(runtime, task, index), item]


def _serialize(task: _core.RunningTask, value: Any) -> _serialization.Serialized:
    return _serialization.serialize(value, f"what {task.name} made")


def _goes_on(task: _core.RunningTask, step: int) -> bool:
    if step in (NEXT, END):
        return step == NEXT
    raise TaskCancelledError(f"{task.name} was cancelled while it ran")


def _end(runtime: Runtime, task: _core.RunningTask, count: int) -> _core.Result:
    """The value of return 0, when there are so many items."""
    end = None
    if task.is_gathered:
        end = DynamicObjectRefGenerator(runtime.process.item_references(task, count))
    return result_of(runtime, task, 0, VALUE, _serialize(task, end))


def _collect(runtime: Runtime, task: _core.RunningTask, generator: Any) -> Collected:
    """The first items of a generator, each stored when it is made."""
    wanted = task.num_returns
    results: list[_core.Result] = []
    try:
        for index in range(wanted):
            try:
                item = next(generator)
            except StopIteration:
                raise ValueError(
                    f"Task returned {index} objects, but num_returns={wanted}: {task.name}"
                ) from None
            results.append(result_of(runtime, task, index, VALUE, _serialize(task, item)))
    except Exception as error:
        raise Incomplete(results) from error
    finally:
        generator.close()
    return Collected(results)
