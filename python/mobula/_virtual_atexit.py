# SPDX-License-Identifier: Apache-2.0
"""Exit handlers of simulated workers: each has its own, which run when it leaves in order."""

from __future__ import annotations

import atexit
import traceback
from collections.abc import Callable
from typing import Any

from mobula import _sim_process
from mobula._sim_process import Process
from mobula._virtual_patch import replace

_Handler = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def install() -> None:
    """Replaces what registers and runs handlers; a driver's are the interpreter's own."""
    real_register, real_unregister, real_run = (
        atexit.register,
        atexit.unregister,
        atexit._run_exitfuncs,
    )

    def register(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        process = _worker()
        if process is None:
            return real_register(function, *args, **kwargs)
        _handlers(process).append((function, args, kwargs))
        return function

    def unregister(function: Callable[..., Any], /) -> None:
        process = _worker()
        if process is None:
            real_unregister(function)
        else:
            handlers = _handlers(process)
            handlers[:] = [handler for handler in handlers if handler[0] != function]

    def run_exit_functions() -> None:
        process = _worker()
        if process is None:
            real_run()
        else:
            _run(_handlers(process))

    replace(atexit, "register", register)
    replace(atexit, "unregister", unregister)
    replace(atexit, "_run_exitfuncs", run_exit_functions)


def _worker() -> Process | None:
    process = _sim_process.current()
    return None if process is None or process.is_driver else process


def _handlers(process: Process) -> list[_Handler]:
    handlers: list[_Handler] = process.extra("atexit", list)
    return handlers


def _run(handlers: list[_Handler]) -> None:
    """The last one first; what one raises does not keep the others from running."""
    while handlers:
        function, args, kwargs = handlers.pop()
        try:
            function(*args, **kwargs)
        except Exception as error:
            traceback.print_exception(error)
