# SPDX-License-Identifier: Apache-2.0
"""What workers must know of a driver to import its modules."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobula._logging_config import LoggingConfig
    from mobula.job_config import JobConfig


_LIBRARY = ".so"
# What MOBULA_MAIN and MOBULA_LIBRARY define.
_SYMBOL = b"mobula_library"

# What `JobConfig` says that is no business of the runtime, in either world.
_FACTS = ("metadata", "actor_lifetime")


def encode(logging_config: LoggingConfig | None, job: JobConfig) -> bytes:
    """The driver's search path, working folder, logging and job for its workers."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    paths = [os.path.abspath(path) for path in sys.path if path]
    if main is not None:
        paths.insert(0, os.path.dirname(os.path.abspath(main)))
    elif "" in sys.path:
        paths.insert(0, os.getcwd())
    searched = [os.path.abspath(path) for entry in job.code_search_path for path in _split(entry)]
    paths += [path for path in searched if not path.endswith(_LIBRARY)]
    libraries = [library for path in searched for library in _libraries_at(path)]
    facts = {"metadata": job.metadata, "actor_lifetime": job.default_actor_lifetime}
    config = {
        "paths": list(dict.fromkeys(paths)),
        "folder": os.getcwd(),
        # The C++ workers read these (runtime/api/programs.h).
        **({"libraries": libraries} if libraries else {}),
        **({"logging": logging_config.to_dict()} if logging_config else {}),
        **{name: fact for name, fact in facts.items() if fact not in ({}, "non_detached")},
    }
    return json.dumps(config).encode()


def _split(entry: str) -> list[str]:
    """Programs for Ray give several paths as one, too."""
    return [path for path in entry.split(":") if path]


def _libraries_at(path: str) -> list[str]:
    """The path itself, or what lies in the folder and says that it is a library of mobula."""
    if path.endswith(_LIBRARY):
        return [path]
    import glob

    found = sorted(glob.glob(os.path.join(glob.escape(path), "*" + _LIBRARY)))
    return [library for library in found if _has_symbol(library)]


def _has_symbol(library: str) -> bool:
    import mmap

    with open(library, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(_SYMBOL) >= 0


def facts_of(config: bytes) -> dict[str, Any]:
    """What the job says of itself, without what is of the driver's machine."""
    fields = json.loads(config) if config else {}
    return {name: fields[name] for name in _FACTS if name in fields}


def extend_path(fields: dict[str, Any]) -> None:
    """Lets this process import what the job names; what it found before it finds still."""
    known = set(sys.path)
    sys.path.extend(path for path in fields["paths"] if path not in known)


def apply(config: bytes) -> None:
    """In a worker, before it runs anything of the job."""
    if not config:
        return
    fields = json.loads(config)
    extend_path(fields)
    try:
        os.chdir(fields["folder"])
    except OSError as error:
        # It may exist on the driver's machine only.
        print(f"mobula: the worker stays in {os.getcwd()}: {error}", file=sys.stderr)
    if "logging" in fields:
        from mobula import _logging_config

        _logging_config.apply(_logging_config.LoggingConfig.from_dict(fields["logging"]))
