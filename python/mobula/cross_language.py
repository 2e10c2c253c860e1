# SPDX-License-Identifier: Apache-2.0
"""Calls of functions and actors that are written in C++.

The library that has them is named by the job, and loaded by its C++ workers::

    ray.init(job_config=JobConfig(code_search_path=["build/libcounter.so"]))
    ray.get(ray.cross_language.cpp_function("Add").remote(1, 2))
    counter = ray.cross_language.cpp_actor_class("MakeCounter", "Counter").remote(10)
    ray.get(counter.Add.remote(1))

Arguments and results are what both languages have; see ``runtime/api/LANGUAGES.md``.
"""

from __future__ import annotations

from typing import Any, NoReturn

from mobula import _arguments, _options
from mobula._actor import ActorClass
from mobula._actor_handle import ActorDescription, ForeignDescription
from mobula._remote_function import RemoteFunction
from mobula._runtime import Runtime

__all__ = ["cpp_actor_class", "cpp_function"]

# In older programs names have Ray's macro around them.
_MACRO = "RAY_FUNC("


def cpp_function(function_name: str) -> CppFunction:
    """The C++ function that ``MOBULA_REMOTE`` has registered under that name."""
    return CppFunction(_stand_in(_registered(function_name)), {})


def cpp_actor_class(create_function_name: str, class_name: str) -> CppActorClass:
    """The C++ class whose objects that factory makes, and whose methods begin with that name."""
    return CppActorClass(_registered(create_function_name), _checked(class_name), {})


def _checked(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"a C++ function or class is known by its name, got {name!r}")
    return name


def _registered(name: object) -> str:
    text = _checked(name)
    return text[len(_MACRO) :].rstrip(")").split(",")[0] if text.startswith(_MACRO) else text


def _stand_in(name: str) -> Any:
    """What has the name of a C++ function, and takes any arguments."""

    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"{name} is a C++ function")

    function.__name__ = function.__qualname__ = name
    return function


class CppFunction(RemoteFunction[..., Any]):
    """A C++ function that ``.remote()`` calls in a worker of the cluster."""

    _encode = staticmethod(_arguments.encode_singly)

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        """``function`` stands for it, and has its name."""
        _options.check_cpp(options, function.__name__)
        super().__init__(function, options)

    def __reduce__(self) -> tuple[Any, ...]:
        """By its name."""
        return _load_function, (self._function.__name__, self._options)

    def _code_fields(self, runtime: Runtime) -> dict[str, Any]:
        return {"language": "kCpp", "function_name": self._function.__name__}


def _load_function(name: str, options: dict[str, Any]) -> CppFunction:
    return CppFunction(_stand_in(name), options)


class CppActorClass(ActorClass[Any, ...]):
    """A C++ class whose ``.remote()`` makes an actor."""

    _encode = staticmethod(_arguments.encode_singly)

    def __init__(self, factory: str, class_name: str, options: dict[str, Any]) -> None:
        """``options`` are checked."""
        _options.check_cpp(options, class_name)
        super().__init__(type(class_name, (), {"__init__": _stand_in("__init__")}), options)
        self._factory = factory

    def __reduce__(self) -> tuple[Any, ...]:
        """By its name."""
        return CppActorClass, (self._factory, self._class.__name__, self._options)

    def _with_options(self, options: dict[str, Any]) -> CppActorClass:
        return CppActorClass(self._factory, self._class.__name__, options)

    def _describe(self) -> ActorDescription:
        retries = self._options.get("max_task_retries", 0)
        return ForeignDescription("CPP", self._class.__name__, retries)

    def _code_fields(self, runtime: Runtime) -> dict[str, Any]:
        return {"language": "kCpp", "function_name": self._factory}
