# SPDX-License-Identifier: Apache-2.0
"""Runs a program as `python program.py` would, in a process that has done other things before."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import os
import sys
import types
from collections.abc import Sequence
from types import TracebackType


def prepare(path: str, arguments: Sequence[str]) -> None:
    """Sets sys.argv and sys.path for the program, and makes its module `__main__`."""
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    module = types.ModuleType("__main__")
    module.__dict__.update(
        __file__=path,
        __builtins__=builtins,
        __loader__=importlib.machinery.SourceFileLoader("__main__", path),
        __cached__=None,
    )
    sys.modules["__main__"] = module


def execute(path: str) -> int:
    """Runs the prepared program to its end; returns the exit code, having shown its error."""
    try:
        with io.open_code(path) as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit as error:
        return _exit_code(error)
    except BaseException as error:
        error.__traceback__ = _own_frames(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Leaves out what lies below the program; a syntax error has nothing else."""
    return traceback.tb_next if traceback else None
