# SPDX-License-Identifier: Apache-2.0
"""A scheduler for Dask's graphs: each of their tasks becomes one of the cluster.

A graph maps keys to tasks. A plain task is a tuple of a function and its arguments; lists are lists
of such; an argument that is a key stands for that task's result. Dask's own tasks are objects that
say what they depend on, and are called with those results.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import mobula

if TYPE_CHECKING:
    from mobula.util.dask.callbacks import RayCallbacks

__all__ = ["ray_dask_get", "ray_dask_get_sync"]

_Hook = Callable[..., Any] | None
# A task's key, and the hooks around it.
_Around = tuple[Hashable, list[tuple[_Hook, _Hook]]]


def ray_dask_get(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """The results of some keys of a graph; nested lists of keys give nested lists.

    Args:
        dsk: The graph.
        keys: A key, or lists of them.
        **kwargs: ``ray_remote_args``, the options of all tasks; ``ray_persist``, whether to return
            references instead, ``ray_callbacks``, hooks instead of those in force. What Dask gives
            its schedulers besides has no effect.

    >>> from operator import add
    >>> graph = {"x": 1, "y": (add, "x", 2), "z": (sum, ["x", "y", (add, "y", 10)])}
    >>> ray_dask_get(graph, ["z", ["y"]])
    [17, [3]]
    """
    with _callbacks(kwargs.get("ray_callbacks")) as hooks:
        references = _submit(dsk, keys, kwargs.get("ray_remote_args") or {}, hooks)
        wanted = list(_keys_in(keys))
        for hook in hooks.ray_postsubmit_all_cbs if hooks else ():
            hook([references[key] for key in wanted], dsk)
        if kwargs.get("ray_persist"):
            return _map_keys(keys, references.__getitem__)
        values = dict(zip(wanted, mobula.get([references[key] for key in wanted]), strict=True))
        result = _map_keys(keys, values.__getitem__)
        for hook in hooks.ray_finish_cbs if hooks else ():
            hook(result)
        return result


@contextlib.contextmanager
def _callbacks(given: Any) -> Iterator[RayCallbacks | None]:
    """The hooks; None when there are none, which needs no Dask."""
    if given is None and "mobula.util.dask.callbacks" not in sys.modules:
        yield None
        return
    from mobula.util.dask.callbacks import local_ray_callbacks, unpack_ray_callbacks

    with local_ray_callbacks(given) as callbacks:
        yield unpack_ray_callbacks(callbacks) if callbacks else None


def ray_dask_get_sync(dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """As ``ray_dask_get``, all in this process, to look for mistakes."""
    graph = _graph_of(dsk)
    values: dict[Hashable, Any] = {}
    for key in _in_order(graph, keys):
        value = _execute(graph[key], values)
        values[key] = mobula.get(value) if isinstance(value, mobula.ObjectRef) else value
    return _map_keys(keys, values.__getitem__)


def _submit(
    dsk: Any, keys: Any, options: Mapping[str, Any], hooks: RayCallbacks | None
) -> dict[Hashable, Any]:
    graph = _graph_of(dsk)
    references: dict[Hashable, mobula.ObjectRef] = {}
    for key, needs in _in_order(graph, keys).items():
        task = graph[key]
        if isinstance(task, mobula.ObjectRef):
            # Of a collection that was computed before.
            references[key] = task
        elif not needs and not _is_task(task):
            references[key] = mobula.put(task)
        else:
            needed = {one: references[one] for one in needs}
            instead = _presubmit(hooks, task, key, needed)
            if instead is not None:
                references[key] = mobula.put(instead)
                continue
            run = _run.options(name=f"dask:{key}", **options)
            references[key] = run.remote(task, needs, _around(hooks, key), *needed.values())
            for hook in hooks.ray_postsubmit_cbs if hooks else ():
                hook(task, key, needed, references[key])
    return references


def _presubmit(
    hooks: RayCallbacks | None, task: Any, key: Hashable, needed: dict[Hashable, Any]
) -> Any:
    for hook in hooks.ray_presubmit_cbs if hooks else ():
        instead = hook(task, key, needed)
        if instead is not None:
            return instead
    return None


def _around(hooks: RayCallbacks | None, key: Hashable) -> _Around | None:
    pairs = [] if hooks is None else zip(hooks.ray_pretask_cbs, hooks.ray_posttask_cbs, strict=True)
    wanted = [pair for pair in pairs if pair != (None, None)]
    return (key, wanted) if wanted else None


@mobula.remote
def _run(task: Any, needs: list[Hashable], around: _Around | None, *results: Any) -> Any:
    values = dict(zip(needs, results, strict=True))
    if around is None:
        return _execute(task, values)
    key, pairs = around
    states = [before(key, list(results)) if before else None for before, _ in pairs]
    result = _execute(task, values)
    for (_, after), state in zip(pairs, states, strict=True):
        if after:
            after(key, result, state)
    return result


def _graph_of(dsk: Any) -> Mapping[Hashable, Any]:
    if hasattr(dsk, "__dask_graph__"):
        dsk = dsk.__dask_graph__()
    if not isinstance(dsk, Mapping):
        raise TypeError(f"ray_dask_get takes a graph: a dict from keys to tasks, got {dsk!r}")
    # Of Dask's objects for plain values only the values are wanted: they may be references.
    return {key: _plain(task) for key, task in dsk.items()}


def _plain(task: Any) -> Any:
    return task.value if type(task).__name__ == "DataNode" else task


def _keys_in(keys: Any) -> Iterable[Hashable]:
    if isinstance(keys, list):
        for one in keys:
            yield from _keys_in(one)
    else:
        yield keys


def _map_keys(keys: Any, value_of: Any) -> Any:
    return [_map_keys(one, value_of) for one in keys] if isinstance(keys, list) else value_of(keys)


def _in_order(graph: Mapping[Hashable, Any], keys: Any) -> dict[Hashable, list[Hashable]]:
    """The keys and what they need, each behind its own needs, which it is mapped to.

    Graphs can be deep: without recursion.
    """
    order: dict[Hashable, list[Hashable]] = {}
    # Also of those under way.
    needs: dict[Hashable, list[Hashable]] = {}
    stack = list(_keys_in(keys))[::-1]
    while stack:
        key = stack[-1]
        if key in order:
            stack.pop()
            continue
        if key not in graph:
            raise KeyError(f"the graph has no task {key!r}")
        is_under_way = key in needs
        if not is_under_way:
            needs[key] = sorted(_needs(graph[key], graph), key=str)
        missing = [one for one in needs[key] if one not in order]
        if not missing:
            order[stack.pop()] = needs[key]
        elif is_under_way and any(one in needs for one in missing):
            raise ValueError(f"the graph has a cycle through {key!r}")
        else:
            stack += missing[::-1]
    return order


def _needs(task: Any, graph: Mapping[Hashable, Any]) -> set[Hashable]:
    """The keys whose results a task needs."""
    if isinstance(task, mobula.ObjectRef):
        return set()
    if _is_object(task):
        return set(task.dependencies)
    if isinstance(task, list) or _is_task(task):
        parts = task[1:] if isinstance(task, tuple) else task
        return set().union(*(_needs(part, graph) for part in parts))
    return {task} if _is_key(task, graph) else set()


def _execute(task: Any, results: Mapping[Hashable, Any]) -> Any:
    if _is_object(task):
        return task(results)
    if isinstance(task, list):
        return [_execute(part, results) for part in task]
    if _is_task(task) and isinstance(task, tuple):
        return task[0](*(_execute(part, results) for part in task[1:]))
    return results[task] if _is_key(task, results) else task


def _is_object(task: Any) -> bool:
    """Whether it is one of Dask's own tasks."""
    return callable(task) and hasattr(task, "dependencies") and hasattr(task, "key")


def _is_task(task: Any) -> bool:
    return _is_object(task) or (isinstance(task, tuple) and bool(task) and callable(task[0]))


def _is_key(value: Any, graph: Mapping[Hashable, Any]) -> bool:
    try:
        return value in graph
    except TypeError:
        # Not hashable, so no key.
        return False
