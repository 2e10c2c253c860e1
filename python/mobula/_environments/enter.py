# SPDX-License-Identifier: Apache-2.0
"""A worker on its way into the environment that its tasks ask for."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobula import _core, _cpu_threads
from mobula._environments import cache, fields, packages
from mobula._errors import EXCEPTION, encode_exception
from mobula._executor import Executor
from mobula._results import result_of
from mobula.exceptions import RuntimeEnvSetupError

if TYPE_CHECKING:
    from mobula._runtime import Runtime

_VARIABLE = re.compile(r"\$\{(\w+)\}")

# From a URI to the folder with what is in it.
Unpack = Callable[[str, str], str]


def set_variables(env: Mapping[str, Any]) -> None:
    """The environment variables; in one, ${NAME} stands for the value so far."""
    for name, value in env.get("env_vars", {}).items():
        os.environ[name] = _VARIABLE.sub(lambda one: os.environ.get(one[1], ""), value)


def enter_interpreter(
    env: Mapping[str, Any], root: str, arguments: Sequence[str]
) -> RuntimeEnvSetupError | None:
    """Before the process is known to anybody: its variables, and the Python that has its packages.

    Goes on in that Python, with these arguments, and then does not return. `root` is the node's
    folder. Returns why there is no such Python, or None when none was asked for.
    """
    set_variables(env)
    field = {name: env[name] for name in ("pip", "uv") if name in env}
    if not field:
        return None
    # Not above: few workers need them.
    from mobula._environments import virtualenv

    timeout_s = fields.setup_timeout_s(env)
    try:
        folder = cache.Cache(root, "pip").use(
            json.dumps([sys.version, field], sort_keys=True),
            lambda folder: virtualenv.make(folder, field, timeout_s),
        )
    except (RuntimeEnvSetupError, OSError) as error:
        return _failure(error)
    python = virtualenv.python_of(folder)
    variables = {**_cpu_threads.without_default(), **virtualenv.variables_of(folder)}
    os.execve(python, [python, *arguments], variables)


def enter_folders(
    env: Mapping[str, Any], root: str, ask_store: Callable[[str], bytes | None]
) -> RuntimeEnvSetupError | None:
    """In a worker that has joined its cluster: the files it is to find. Returns what failed."""

    def unpack(uri: str, kind: str) -> str:
        def make(folder: str) -> None:
            packages.unpack(packages.fetch(uri, ask_store), folder, uri)

        return cache.Cache(root, kind).use(uri, make)

    try:
        paths = folders_of(env, unpack)
        if "working_dir" in env:
            os.chdir(paths[0])
    except (RuntimeEnvSetupError, OSError) as error:
        return _failure(error)
    if paths:
        sys.path[:0] = paths
        inherited = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *([inherited] if inherited else [])])
    return None


def run_hook(runtime: Runtime) -> RuntimeEnvSetupError | None:
    """What the environment wants to run first in each of its processes. Returns what failed."""
    hook = runtime.environment.get("worker_process_setup_hook")
    if hook is None:
        return None
    try:
        if hook.startswith(fields.EXPORTED):
            function = runtime.functions.load(hook.removeprefix(fields.EXPORTED), "the setup hook")
        else:
            module, _, name = hook.rpartition(".")
            function = getattr(importlib.import_module(module), name)
        function()
    except Exception:
        return RuntimeEnvSetupError(
            f"The worker_process_setup_hook failed:\n{traceback.format_exc()}"
        )
    return None


def folders_of(env: Mapping[str, Any], unpack: Unpack) -> list[str]:
    """Where to look for modules: in the working folder first."""
    paths = []
    if "working_dir" in env:
        paths.append(unpack(env["working_dir"], "working_dir"))
    paths += [unpack(uri, "py_modules") for uri in env.get("py_modules", ())]
    return paths


def _failure(error: Exception) -> RuntimeEnvSetupError:
    return RuntimeEnvSetupError(f"Failed to set up runtime environment: {error}")


class RefusingExecutor(Executor):
    """Of a worker without the environment that its tasks need: each of them fails.

    After a while it leaves with the task that it refuses, so that the next one has another try.
    """

    def __init__(self, executor: Executor, error: RuntimeEnvSetupError) -> None:
        """In the place of `executor`."""
        self.__dict__.update(executor.__dict__)
        self._error = error
        self._try_again_at = time.monotonic() + cache.FAILED_S

    def _resolve(self, task: _core.RunningTask) -> Any:
        raise self._error

    def _failed_results(self, task: _core.RunningTask, error: BaseException) -> list[_core.Result]:
        # No function raised it, so no function's name is told.
        encoded = encode_exception(error, "", self._ip)
        return [
            result_of(self._runtime, task, index, EXCEPTION, encoded)
            for index in range(task.num_returns)
        ]

    @staticmethod
    def _is_retryable(task: _core.RunningTask, error: BaseException) -> bool:
        return False

    def _is_used_up(self, task: _core.RunningTask) -> bool:
        self.has_left = time.monotonic() > self._try_again_at
        return self.has_left
