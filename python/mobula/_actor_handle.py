# SPDX-License-Identifier: Apache-2.0
"""Actors from the outside: handles and the methods that they offer."""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any, Generic, NoReturn

from mobula import _arguments, _options
from mobula._core import ObjectRef, TaskTemplate
from mobula._functions import CallShape
from mobula._runtime import Runtime, current
from mobula._serialization import PACKED_TAG
from mobula._typing import C
from mobula.exceptions import ActorHandleNotFoundError, PendingCallsLimitExceeded
from mobula.ids import ActorID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mobula.dag import ClassMethodNode

# Methods that every actor has besides its own.
READY = "__ray_ready__"
TERMINATE = "__ray_terminate__"
CALL = "__ray_call__"


class MethodInfo:
    """What a caller must know of a method."""

    __slots__ = ("is_generator", "options", "shape")

    def __init__(
        self, shape: CallShape, options: dict[str, Any], is_generator: bool = False
    ) -> None:
        """``options`` are those of the ``method`` decorator."""
        self.shape = shape
        self.options = options
        self.is_generator = is_generator


_COMMON = {
    READY: MethodInfo(CallShape(()), {}),
    TERMINATE: MethodInfo(CallShape(()), {}),
    CALL: MethodInfo(CallShape(None), {}),
}


class ActorDescription:
    """What a handle needs besides the actor's id; equal for all actors made alike."""

    __slots__ = (
        "_bytes",
        "class_name",
        "concurrency_groups",
        "encode",
        "language",
        "max_pending_calls",
        "max_task_retries",
        "methods",
    )

    def __init__(
        self,
        class_name: str,
        methods: dict[str, MethodInfo],
        max_task_retries: int,
        max_pending_calls: int = -1,
        concurrency_groups: Sequence[str] = (),
    ) -> None:
        """The class's methods, without those that every actor has."""
        self.class_name = class_name
        self.methods = {**methods, **_COMMON}
        self.max_task_retries = max_task_retries
        # -1: any number.
        self.max_pending_calls = max_pending_calls
        self.concurrency_groups = concurrency_groups
        # As which task a call travels: see TaskTemplate, and how its arguments do.
        self.language = "kPython"
        self.encode = _arguments.encode
        self._bytes: bytes | None = None

    def function_name(self, method: str) -> str:
        """What a call of the method names."""
        return method

    def check_options(self, method: str, options: dict[str, Any]) -> None:
        """ValueError for what calls of it cannot have."""

    def to_bytes(self) -> bytes:
        """For other processes."""
        if self._bytes is None:
            methods = {
                name: (info.shape, info.options, info.is_generator)
                for name, info in self.methods.items()
                if name not in _COMMON
            }
            import cloudpickle

            self._bytes = cloudpickle.dumps(
                (
                    self.class_name,
                    methods,
                    self.max_task_retries,
                    self.max_pending_calls,
                    self.concurrency_groups,
                )
            )
        return self._bytes

    @staticmethod
    def from_bytes(data: bytes) -> ActorDescription:
        """What ``to_bytes`` made, or C++."""
        return _load_description(data)


class _AnyMethods(dict[str, MethodInfo]):
    """Of a class that is not known here: methods of any name."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and not name.startswith("__")

    def __missing__(self, name: str) -> MethodInfo:
        return self.setdefault(name, MethodInfo(CallShape(None), {}))


class ForeignDescription(ActorDescription):
    """Of an actor that lives in C++, or that C++ made of a Python class.

    C++ makes the same bytes in ``DescribeActor`` of ``runtime/api/actor.cc``.
    """

    __slots__ = ("_is_cpp",)

    def __init__(self, language: str, class_name: str, max_task_retries: int) -> None:
        """``language`` is CPP or PYTHON."""
        super().__init__(class_name, {}, max_task_retries)
        self._is_cpp = language == "CPP"
        self.methods = _AnyMethods({} if self._is_cpp else _COMMON)
        if self._is_cpp:
            self.language = "kCpp"
            self.encode = _arguments.encode_singly

    def function_name(self, method: str) -> str:
        """In C++ with its class."""
        return f"{self.class_name}::{method}" if self._is_cpp else method

    def check_options(self, method: str, options: dict[str, Any]) -> None:
        """As calls of functions."""
        if self._is_cpp:
            _options.check_cpp(options, self.function_name(method))

    def to_bytes(self) -> bytes:
        """For other processes of any language."""
        if self._bytes is None:
            from mobula import _packed

            language = "CPP" if self._is_cpp else "PYTHON"
            facts = (language, self.class_name, self.max_task_retries)
            self._bytes = _packed.pack(facts, "the description of an actor").to_bytes()
        return self._bytes


@functools.lru_cache(maxsize=256)
def _load_description(data: bytes) -> ActorDescription:
    if data.startswith(PACKED_TAG):
        from mobula import _packed

        return ForeignDescription(*_packed.unpack(data[1:]))
    class_name, methods, *rest = pickle.loads(data)
    infos = {name: MethodInfo(*parts) for name, parts in methods.items()}
    return ActorDescription(class_name, infos, *rest)


class ActorState:
    """What all handles and bound methods of one actor in one process share.

    The actor lives as long as ``reference`` does, or one like it in another process. Handles that
    were looked up have none: they keep no actor alive, nor do copies of them.
    """

    __slots__ = ("actor_id", "description", "reference", "runtime", "templates")

    def __init__(
        self,
        runtime: Runtime,
        actor_id: str,
        reference: ObjectRef | None,
        description: ActorDescription,
    ) -> None:
        """``reference`` stands for the actor."""
        self.runtime = runtime
        self.actor_id = actor_id
        self.reference = reference
        self.description = description
        # Of calls without options of their own, by method.
        self.templates: dict[str, TaskTemplate] = {}

    def template(self, name: str, options: dict[str, Any]) -> TaskTemplate:
        """What a call of the method submits."""
        info = self.description.methods[name]
        options = {**info.options, **options}
        self.description.check_options(name, options)
        retry = options.get("retry_exceptions", False)
        extras = _options.retry_extras(retry)
        if group := options.get("concurrency_group"):
            self._check_group(group, name)
            extras["concurrency_group"] = group
        return TaskTemplate(
            kind="kActorCall",
            language=self.description.language,
            function_name=self.description.function_name(name),
            name=options.get("name", f"{self.description.class_name}.{name}"),
            max_retries=options.get("max_task_retries", self.description.max_task_retries),
            retry_exceptions=bool(retry),
            language_options=_options.serialize_extras(extras),
            actor=self.actor_id,
            **_options.return_fields(options, info.is_generator),
        )

    def _check_group(self, group: str, method: str) -> None:
        known = self.description.concurrency_groups
        if group not in known:
            raise ValueError(
                f"{method} is called in the concurrency group {group!r}; the actor "
                f"{self.description.class_name} has: {', '.join(known) or 'none'}"
            )

    def check_pending(self, method: str) -> None:
        """Raises PendingCallsLimitExceeded when there are as many calls as there may be."""
        limit = self.description.max_pending_calls
        pending = self.runtime.process.pending_calls(self.actor_id)
        if pending >= limit:
            raise PendingCallsLimitExceeded(
                f"The task {method} could not be submitted to {self.description.class_name} "
                f"because more than {limit} tasks are queued on the actor. This limit can be "
                f"adjusted with the `max_pending_calls` actor option."
            )


class ActorMethod:
    """A method of an actor; ``.remote()`` calls it."""

    __slots__ = ("_name", "_options", "_shape", "_state", "_template")

    def __init__(self, state: ActorState, name: str, options: dict[str, Any]) -> None:
        """As a handle, it keeps the actor alive."""
        self._state = state
        self._name = name
        self._options = options
        self._shape = state.description.methods[name].shape
        self._template: TaskTemplate | None = None

    if not TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
            """Refuses: methods run in the actor."""
            raise TypeError(
                f"Actor methods cannot be called directly. Instead of running "
                f"'object.{self._name}()', try 'object.{self._name}.remote()'."
            )

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it in the actor; returns the reference, or a list of ``num_returns`` of them."""
        execution = current()
        state = self._state
        if self._template is None:
            self._template = self._make_template()
        if execution.runtime is not state.runtime:
            raise ActorHandleNotFoundError(
                f"The actor {state.description.class_name} ({state.actor_id}) is not known here. "
                f"It might be dead or it's from a different cluster"
            )
        if state.description.max_pending_calls >= 0:
            state.check_pending(self._name)
        shape, slots = self._shape, _arguments.NO_SLOTS
        if kwargs or not shape.least <= len(args) <= shape.most:
            shape.check(args, kwargs, self._name)
        if args or kwargs:
            slots = state.description.encode(execution, args, kwargs, self._name)
        return state.runtime.process.submit_task(execution.context, self._template, *slots)

    def _remote(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Ray's older way to give options with a call."""
        return self.options(**options).remote(*args, **(kwargs or {}))

    def bind(self, *args: Any, **kwargs: Any) -> ClassMethodNode:
        """A call as a node of a graph, which ``execute`` makes; see ``mobula.dag``."""
        from mobula.dag.class_node import ClassMethodNode

        self._shape.check(args, kwargs, self._name)
        return ClassMethodNode(ActorHandle(self._state), self._name, args, kwargs, self._options)

    def options(self, **options: Any) -> ActorMethod:
        """The same method with options for single calls."""
        checked = _options.check(options, _options.METHOD, f"method {self._name}")
        info = self._state.description.methods[self._name]
        _options.check_generator(checked, info.is_generator, f"method {self._name}")
        return ActorMethod(self._state, self._name, {**self._options, **checked})

    def _make_template(self) -> TaskTemplate:
        if self._options:
            return self._state.template(self._name, self._options)
        template = self._state.templates.get(self._name)
        if template is None:
            template = self._state.template(self._name, {})
            self._state.templates[self._name] = template
        return template


class ActorHandle(Generic[C]):
    """An actor, as its users see it: each of its methods has a ``.remote()``.

    Handles may be passed to tasks and other actors. The actor ends when the last goes that came
    from whoever made it, unless it is detached; those of ``get_actor`` do not count.
    """

    def __init__(self, state: ActorState) -> None:
        """Use an ``ActorClass`` or ``get_actor``."""
        self._state = state

    def __getattr__(self, name: str) -> ActorMethod:
        """The method of that name; kept, so that the next access is a plain one."""
        state = self.__dict__.get("_state")
        if state is None or name not in state.description.methods:
            if state is None or (name.startswith("__") and name.endswith("__")):
                raise AttributeError(name)
            raise AttributeError(
                f"'ActorHandle' object has no attribute {name!r}: the actor "
                f"{state.description.class_name} has no method {name!r}; it has: "
                f"{_names(state.description.methods)}"
            )
        method = ActorMethod(state, name, {})
        self.__dict__[name] = method
        return method

    @property
    def _actor_id(self) -> ActorID:
        return ActorID.from_hex(self._state.actor_id)

    _ray_actor_id = _actor_id

    def __dir__(self) -> Iterable[str]:
        """The methods."""
        return list(self._state.description.methods)

    def __repr__(self) -> str:
        """For people."""
        return f"Actor({self._state.description.class_name}, {self._state.actor_id})"

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same actor."""
        return isinstance(other, ActorHandle) and other._state.actor_id == self._state.actor_id

    def __hash__(self) -> int:
        """As equality."""
        return hash(self._state.actor_id)

    def __reduce__(self) -> tuple[Any, ...]:
        """A handle of the same actor in the process that reads this."""
        state = self._state
        return load_handle, (state.actor_id, state.reference, state.description.to_bytes())


def _names(methods: dict[str, MethodInfo]) -> str:
    return ", ".join(sorted(name for name in methods if not name.startswith("__"))) or "none"


def load_handle(actor_id: str, reference: ObjectRef | None, description: bytes) -> ActorHandle:
    """A handle in this process of the actor that ``reference`` stands for; see ``ActorState``."""
    runtime = current().runtime
    loaded = ActorDescription.from_bytes(description)
    return ActorHandle(ActorState(runtime, actor_id, reference, loaded))
