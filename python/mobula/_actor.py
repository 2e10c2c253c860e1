# SPDX-License-Identifier: Apache-2.0
"""Classes whose instances live in a worker of their own: making them."""

from __future__ import annotations

import atexit
import functools
import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar, overload

from mobula import _arguments, _logs, _options
from mobula._actor_handle import ActorDescription, ActorHandle, ActorState, MethodInfo
from mobula._core import TaskTemplate
from mobula._functions import CallShape
from mobula._placement import placement_of
from mobula._runtime import Execution, Runtime, current, current_task
from mobula._typing import C, P
from mobula.exceptions import ActorAlreadyExistsError, AsyncioActorExit

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Concatenate, Self

    from mobula._remote_function import RemoteFunction
    from mobula._typing import T0, T1, T2, T3, Arg, Home, R, Takes1, Takes2, Takes3, Takes4
    from mobula.dag import ClassNode

    class RemoteMethod(RemoteFunction[P, R], Generic[P, R, Home]):
        """What `method` makes of a method, as type checkers see it."""

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> Self: ...

        @overload
        def __get__(self, instance: object, owner: type[Any]) -> Callable[P, Home]: ...

        def __get__(self, instance: Any, owner: Any) -> Any: ...


_Function = TypeVar("_Function", bound=Callable[..., Any])

# Where @method keeps its options.
_METHOD_OPTIONS = "__mobula_method_options__"
# Calls of an asyncio actor that may be under way at once, unless its options say otherwise.
_ASYNC_CONCURRENCY = 1000
# Its kind, in Ray's words: a detached actor that nobody will find again.
ANONYMOUS_NAMESPACE = "detached_actor_anonymous_namespace"
_ANONYMOUS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# With concurrency groups the actor's process sees to the limits of each.
_GROUPED = 1 << 20


@overload
def method(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /
) -> RemoteMethod[P, R, Coroutine[Any, Any, R]]: ...


@overload
def method(function: Callable[Concatenate[Any, P], R], /) -> RemoteMethod[P, R, R]: ...


@overload
def method(**options: Any) -> Callable[[_Function], _Function]: ...


def method(function: Any = None, /, **options: Any) -> Any:
    """Gives a method of an actor class options, such as ``num_returns``.

    >>> import mobula
    >>> @mobula.remote
    ... class Pair:
    ...     @mobula.method(num_returns=2)
    ...     def both(self):
    ...         return 1, 2
    >>> first, second = Pair.remote().both.remote()
    >>> mobula.get([first, second])
    [1, 2]
    """
    checked = _options.check(options, _options.METHOD, "a method")

    def annotate(function: _Function) -> _Function:
        name = getattr(function, "__name__", repr(function))
        _options.check_generator(checked, _is_generator(function), f"method {name}")
        setattr(function, _METHOD_OPTIONS, checked)
        return function

    return annotate if function is None else annotate(function)


def _is_generator(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _describe_methods(cls: type) -> dict[str, MethodInfo]:
    methods = {}
    for name, member in inspect.getmembers(cls, callable):
        if name in vars(object) or inspect.isclass(member):
            continue
        static = isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod))
        shape = CallShape.of(member, skip_first=not static)
        options = getattr(member, _METHOD_OPTIONS, {})
        methods[name] = MethodInfo(shape, options, _is_generator(member))
    return methods


def is_async(cls: type) -> bool:
    """Whether an actor of the class is an asyncio actor."""
    return any(
        inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
        for _, member in inspect.getmembers(cls)
    )


class ActorClassInheritanceException(TypeError):  # noqa: N818
    """A class was derived from an actor class."""


class ActorClassMetadata(NamedTuple):
    """The plain class behind an actor class."""

    class_name: str
    modified_class: type


class ActorClass(Generic[C, P]):
    """A class whose ``.remote()`` makes an actor: an instance in a worker process of its own.

    >>> import mobula
    >>> @mobula.remote
    ... class Counter:
    ...     def __init__(self, start):
    ...         self.value = start
    ...     def add(self, amount):
    ...         self.value += amount
    ...         return self.value
    >>> counter = Counter.remote(10)
    >>> mobula.get([counter.add.remote(1), counter.add.remote(2)])
    [11, 13]
    """

    # How the arguments of the constructor travel.
    _encode = staticmethod(_arguments.encode)

    def __init__(self, cls: type[C], options: dict[str, Any]) -> None:
        """``options`` are checked."""
        self._class = cls
        self._options = options
        self._init_shape = CallShape.of(cls.__init__, skip_first=True)
        if cls.__init__ is object.__init__:
            self._init_shape = CallShape(())
        self._methods = _describe_methods(cls)
        self._check_groups()
        self._is_async = is_async(cls)
        self.__name__ = cls.__name__
        self.__qualname__ = cls.__qualname__
        self.__module__ = cls.__module__
        self.__doc__ = cls.__doc__

    def _check_groups(self) -> None:
        known = self._options.get("concurrency_groups", {})
        for name, method in self._methods.items():
            group = method.options.get("concurrency_group")
            if group is not None and group not in known:
                raise ValueError(
                    f"the method {name} of {self._class.__name__} is in the concurrency group "
                    f"{group!r}, which concurrency_groups of the class does not name"
                )

    # Type checkers shall say that there is no such call, and know what stands in brackets.
    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(types.GenericAlias)

        def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
            """Refuses: an instance lives in a worker."""
            name = self._class.__name__
            raise TypeError(
                f"Actors cannot be instantiated directly. Instead of '{name}()', use "
                f"'{name}.remote()'."
            )

    def __mro_entries__(self, bases: tuple[Any, ...]) -> NoReturn:
        """Refuses to be a base class."""
        name = self._class.__name__
        raise ActorClassInheritanceException(
            f"Inheriting from actor classes is not currently supported: derive from the plain "
            f"class {name} and apply remote to the derived class"
        )

    def __repr__(self) -> str:
        """For people."""
        return f"ActorClass({self._class.__name__})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What the plain class has: constants, functions that make instances here."""
            cls = self.__dict__.get("_class")
            if cls is None or (name.startswith("__") and name.endswith("__")):
                raise AttributeError(name)
            value = getattr(cls, name)
            if isinstance(value, types.FunctionType):
                # Found under its own name, cloudpickle would send only that name, and every worker
                # would have to import the program's module.
                return functools.partial(value)
            return value

    @property
    def __ray_metadata__(self) -> ActorClassMetadata:
        """As Ray's libraries ask for the plain class."""
        return ActorClassMetadata(self._class.__name__, self._class)

    def __dir__(self) -> Iterable[str]:
        """The plain class's names, and how an actor is made."""
        return [*dir(self._class), "bind", "options", "remote"]

    def options(self, **options: Any) -> ActorClass[C, P]:
        """The same class with other options, for single actors."""
        if "concurrency_groups" in options:
            raise ValueError(
                "Setting 'concurrency_groups' is not supported in '.options()': they are of the "
                "class, so give them to @remote"
            )
        checked = _options.check(options, _options.ACTOR, f"actor class {self._class.__name__}")
        return self._with_options({**self._options, **checked})

    def _with_options(self, options: dict[str, Any]) -> ActorClass[C, P]:
        return ActorClass(self._class, options)

    def _remote(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> ActorHandle[C]:
        """Ray's older way to give options with a call."""
        actor_class: ActorClass[C, ...] = self.options(**options)
        return actor_class.remote(*args, **(kwargs or {}))

    if TYPE_CHECKING:

        def _call(self, *args: P.args, **kwargs: P.kwargs) -> C:
            """What it takes and makes, for the signatures of ``remote``."""

    @overload
    def remote(self, *args: P.args, **kwargs: P.kwargs) -> ActorHandle[C]: ...

    @overload
    def remote(self: Takes1[T0, C], a: Arg[T0], /) -> ActorHandle[C]: ...

    @overload
    def remote(self: Takes2[T0, T1, C], a: Arg[T0], b: Arg[T1], /) -> ActorHandle[C]: ...

    @overload
    def remote(
        self: Takes3[T0, T1, T2, C], a: Arg[T0], b: Arg[T1], c: Arg[T2], /
    ) -> ActorHandle[C]: ...

    @overload
    def remote(
        self: Takes4[T0, T1, T2, T3, C], a: Arg[T0], b: Arg[T1], c: Arg[T2], d: Arg[T3], /
    ) -> ActorHandle[C]: ...

    def remote(self, *args: Any, **kwargs: Any) -> ActorHandle[Any]:
        """Makes an actor; returns its handle at once."""
        execution = current()
        options, name = self._options, self._options.get("name", "")
        if options.get("get_if_exists"):
            if not name:
                raise ValueError("The actor name must be specified to use `get_if_exists`.")
            existing = find_actor(execution.runtime, name, options.get("namespace"))
            if existing is not None:
                return existing
        class_name = self._class.__name__
        self._init_shape.check(args, kwargs, f"{class_name}.__init__")
        slots = self._encode(execution, args, kwargs, f"{class_name}.__init__")
        handle = self._create(execution, slots)
        return self._claim_name(execution.runtime, handle) if name else handle

    def bind(self, *args: Any, **kwargs: Any) -> ClassNode:
        """An actor as a node of a graph, which ``execute`` makes; see ``mobula.dag``."""
        from mobula.dag.class_node import ClassNode

        self._init_shape.check(args, kwargs, f"{self._class.__name__}.__init__")
        return ClassNode(self, args, kwargs)

    def _create(self, execution: Execution, slots: _arguments.Slots) -> ActorHandle:
        runtime, options = execution.runtime, self._options
        description = self._describe()
        held, needed = _options.actor_resources_of(options)
        placement = _options.strategy_fields(
            options,
            placement_of(execution),
            needed or held,
            f"the actor {self._class.__name__}",
        )
        template = TaskTemplate(
            kind="kActorCreation",
            **self._code_fields(runtime),
            name=f"{self._class.__name__}.__init__",
            actor_options={
                **self._actor_options(runtime, description),
                "placement_resources": needed,
            },
            language_options=_options.serialize_extras(self._group_extras()),
            **_options.template_fields(runtime, options, held),
            **placement,
        )
        if self._is_detached(runtime) and "namespace" not in options:
            self._warn_of_namespace(runtime.namespace)
        actor_id, reference = runtime.process.create_actor(execution.context, template, *slots)
        return ActorHandle(ActorState(runtime, actor_id, reference, description))

    def _describe(self) -> ActorDescription:
        options = self._options
        return ActorDescription(
            self._class.__name__,
            self._methods,
            options.get("max_task_retries", 0),
            options.get("max_pending_calls", -1),
            tuple(options.get("concurrency_groups", {})),
        )

    def _code_fields(self, runtime: Runtime) -> dict[str, Any]:
        """Where workers find the code."""
        name = self._class.__name__
        return {
            "function_id": runtime.functions.export(self._class, f"the actor class {name}"),
            "function_name": name,
        }

    def _actor_options(self, runtime: Runtime, description: ActorDescription) -> dict[str, Any]:
        options = self._options
        return {
            "max_restarts": options.get("max_restarts", 0),
            "max_task_retries": options.get("max_task_retries", 0),
            "max_concurrency": _GROUPED if self._group_extras() else self._max_concurrency(),
            "name": options.get("name", ""),
            "ray_namespace": options.get("namespace", runtime.namespace),
            "detached": self._is_detached(runtime),
            "is_async": self._is_async,
            "handle_description": description.to_bytes(),
            "out_of_order": options.get("allow_out_of_order_execution", False),
        }

    def _is_detached(self, runtime: Runtime) -> bool:
        usual = runtime.job_facts.get("actor_lifetime")
        return bool(self._options.get("lifetime", usual) == "detached")

    def _warn_of_namespace(self, namespace: str) -> None:
        if _ANONYMOUS.fullmatch(namespace):
            _logs.warn(
                f"The detached actor {self._options.get('name', '')!r} is made in an anonymous "
                f"namespace, in which other jobs do not look. Give init or the actor a namespace",
                ANONYMOUS_NAMESPACE,
            )

    def _max_concurrency(self) -> int:
        usual = _ASYNC_CONCURRENCY if self._is_async else 1
        limit: int = self._options.get("max_concurrency", usual)
        return limit

    def _group_extras(self) -> dict[str, Any]:
        """What the actor's process must know of its concurrency groups; "" is for other calls."""
        groups = self._options.get("concurrency_groups")
        return {"concurrency_groups": {**groups, "": self._max_concurrency()}} if groups else {}

    def _claim_name(self, runtime: Runtime, handle: ActorHandle) -> ActorHandle:
        """Sees who has the name now: the GCS took our registration before this question."""
        name, namespace = self._options["name"], self._options.get("namespace")
        holder = find_actor(runtime, name, namespace)
        if holder is None or holder == handle:
            return handle
        if self._options.get("get_if_exists"):
            return holder
        raise ActorAlreadyExistsError(
            f"The name {name} (namespace={namespace or runtime.namespace}) is already taken. "
            f"Please use a different name or get the existing actor using "
            f"ray.get_actor('{name}'), or get_if_exists=True"
        )


def find_actor(runtime: Runtime, name: str, namespace: str | None) -> ActorHandle | None:
    """A handle, which does not keep it alive, of the living actor with that name."""
    request = runtime.process.request_named_actor(name, namespace or runtime.namespace)
    reply = runtime.await_request(request)
    if not reply["found"]:
        return None
    view = reply["actor"]
    description = ActorDescription.from_bytes(view["handle_description"])
    return ActorHandle(ActorState(runtime, view["actor"], None, description))


def get_actor(name: str, namespace: str | None = None) -> ActorHandle:
    """A handle of a named actor; ValueError when there is none.

    It does not keep the actor alive: that ends with the handles of whoever made it, unless it is
    detached.

    >>> import mobula
    >>> @mobula.remote
    ... class Greeter:
    ...     def greet(self):
    ...         return "hello"
    >>> keep_it_alive = Greeter.options(name="greeter").remote()
    >>> mobula.get(mobula.get_actor("greeter").greet.remote())
    'hello'
    """
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"Please supply a non-empty value to get_actor: it takes the name of an actor, got "
            f"{name!r}"
        )
    _options.check({"namespace": namespace}, _options.ACTOR, "get_actor")
    runtime = current().runtime
    handle = find_actor(runtime, name, namespace)
    if handle is None:
        raise ValueError(
            f"Failed to look up actor with name '{name}' in the namespace "
            f"{namespace or runtime.namespace!r}; it may be in another one, or have ended"
        )
    return handle


def kill(actor: ActorHandle, *, no_restart: bool = True) -> None:
    """Ends an actor's process at once; with ``no_restart=False`` it may be restarted.

    Returns when the cluster has done so for good: what was killed stays so, whatever becomes of
    this process or of the GCS.
    """
    if not isinstance(actor, ActorHandle):
        raise ValueError(
            f"ray.kill() only supported for actors. For tasks, try ray.cancel(). Got: {type(actor)}"
        )
    runtime = current().runtime
    runtime.await_request(runtime.process.request_kill(actor._state.actor_id, no_restart))


class ActorExit(SystemExit):
    """Raised by ``exit_actor`` through the method that calls it."""


def exit_actor() -> NoReturn:
    """Ends the actor whose method calls this, on purpose: it is not restarted.

    To the caller of the method it is an ``ActorDiedError``.
    """
    execution = current_task.get()
    host = execution.runtime.actor_host if execution is not None else None
    if execution is None or host is None:
        raise TypeError(
            "exit_actor API is called on a non-actor worker; call it in a method of an actor"
        )
    if execution.is_over:
        # In a coroutine that the method left behind: no answer can carry the wish.
        atexit._run_exitfuncs()
        # Nobody waits for what is done to this very process.
        execution.runtime.process.request_kill(host.actor_id, True)
    execution.leaves = True
    if host.is_async:
        raise AsyncioActorExit("exit_actor() was called")
    raise ActorExit
