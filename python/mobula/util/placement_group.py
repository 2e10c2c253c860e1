# SPDX-License-Identifier: Apache-2.0
"""Resources on one or several nodes that are reserved together."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobula._placement import placement_of
from mobula._runtime import current
from mobula.ids import PlacementGroupID
from mobula.util.scheduling_strategies import PlacementGroupSchedulingStrategy

if TYPE_CHECKING:
    from mobula._core import ObjectRef
    from mobula._remote_function import RemoteFunction

__all__ = [
    "PlacementGroup",
    "get_current_placement_group",
    "get_placement_group",
    "placement_group",
    "placement_group_table",
    "remove_placement_group",
]

_STRATEGIES = {
    "PACK": "kPack",
    "SPREAD": "kSpread",
    "STRICT_PACK": "kStrictPack",
    "STRICT_SPREAD": "kStrictSpread",
}
_NAMES = {kind: name for name, kind in _STRATEGIES.items()}
_STATES = {
    "kPending": "PENDING",
    "kCreated": "CREATED",
    "kRescheduling": "RESCHEDULING",
    "kRemoved": "REMOVED",
}
_NO_GROUP = PlacementGroupID(bytes(16))


def _return(value: Any) -> Any:
    return value


@functools.cache
def _waiter() -> RemoteFunction:
    """Runs as soon as something can run in its group, and takes nothing of it."""
    from mobula._remote_function import RemoteFunction

    return RemoteFunction(_return, {"num_cpus": 0, "name": "placement_group_ready"})


class PlacementGroup:
    """A handle; what it stands for lives until it is removed, or its job ends.

    >>> import mobula
    >>> group = mobula.util.placement_group([{"CPU": 1}])
    >>> group.wait(10)
    True
    >>> mobula.util.remove_placement_group(group)
    """

    def __init__(
        self, id: PlacementGroupID, bundle_cache: list[dict[str, float]] | None = None
    ) -> None:
        """Use ``placement_group`` or ``get_placement_group``."""
        self.id = id
        self.bundle_cache = bundle_cache

    @staticmethod
    def empty() -> PlacementGroup:
        """The handle of no group."""
        return PlacementGroup(_NO_GROUP)

    @property
    def is_empty(self) -> bool:
        """Whether it stands for no group."""
        return self.id.is_nil()

    def ready(self) -> ObjectRef:
        """A reference that resolves, to the group, as soon as something can run in it."""
        import mobula

        if self.is_empty:
            return mobula.put(self)
        strategy = PlacementGroupSchedulingStrategy(self)
        reference: ObjectRef = _waiter().options(scheduling_strategy=strategy).remote(self)
        return reference

    def wait(self, timeout_seconds: float = 30) -> bool:
        """Whether all of it is reserved before that time is over; False, too, if it was removed."""
        if (
            isinstance(timeout_seconds, bool)
            or not isinstance(timeout_seconds, (int, float))
            or not timeout_seconds >= 0
        ):
            raise ValueError(
                f"timeout_seconds takes a number of at least 0, got {timeout_seconds!r}"
            )
        if self.is_empty:
            return True
        runtime = current().runtime
        timeout = float(timeout_seconds) if math.isfinite(timeout_seconds) else None
        reply = runtime.await_request(
            runtime.process.request_placement_group(self.id.hex(), True, timeout)
        )
        return reply is not None and reply["group"]["state"] == "kCreated"

    @property
    def bundle_specs(self) -> list[dict[str, float]]:
        """What each bundle reserves."""
        if self.bundle_cache is None:
            self.bundle_cache = _view_of(self)["spec"]["bundles"] if not self.is_empty else []
        return self.bundle_cache

    @property
    def bundle_count(self) -> int:
        """How many bundles it has."""
        return len(self.bundle_specs)

    def __eq__(self, other: object) -> bool:
        """Handles of one group are equal."""
        return isinstance(other, PlacementGroup) and self.id == other.id

    def __hash__(self) -> int:
        """As equality."""
        return hash(self.id)

    def __repr__(self) -> str:
        """For people."""
        return f"PlacementGroup({self.id.hex()})"


def placement_group(
    bundles: list[dict[str, float]],
    strategy: str = "PACK",
    name: str = "",
    lifetime: str | None = None,
) -> PlacementGroup:
    """Reserves resources together; returns at once, ``ready`` and ``wait`` say when it is done.

    ``strategy`` says how the bundles lie: on few nodes ("PACK"), on many ("SPREAD"), on one node or
    not at all ("STRICT_PACK"), each on a node of its own or not at all ("STRICT_SPREAD"). Without
    ``lifetime="detached"`` the group ends with its job.
    """
    amounts = _checked_bundles(bundles)
    if strategy not in _STRATEGIES:
        raise ValueError(
            f"Invalid placement group strategy {strategy!r}: expected one of "
            f"{', '.join(_STRATEGIES)}"
        )
    if lifetime not in (None, "detached"):
        raise ValueError(
            f"Placement group `lifetime` argument must be either `None` or 'detached', got "
            f"{lifetime!r}"
        )
    if not isinstance(name, str):
        raise ValueError(f"name of a placement group takes a string, got {name!r}")
    execution = current()
    runtime = execution.runtime
    group, request = runtime.process.create_placement_group(
        execution.context,
        _STRATEGIES[strategy],
        amounts,
        name,
        runtime.namespace,
        lifetime == "detached",
    )
    if name:
        error = runtime.await_request(request)["group"]["error"]
        if error["kind"] != "kNone":
            raise ValueError(error["message"])
    else:
        # It can only be refused for its name: what follows goes the same way, behind it.
        runtime.process.abandon(request)
    return PlacementGroup(PlacementGroupID.from_hex(group), amounts)


def _checked_bundles(bundles: Any) -> list[dict[str, float]]:
    if not isinstance(bundles, list):
        raise ValueError(f"Placement group bundles must be a list, got {type(bundles)}.")
    if not bundles:
        raise ValueError(
            "Bundles must be a non-empty list of resource dictionaries, for example "
            '[{"CPU": 1}, {"GPU": 1}]; got an empty list'
        )
    return [_checked_bundle(bundle) for bundle in bundles]


def _checked_bundle(bundle: Any) -> dict[str, float]:
    if not isinstance(bundle, Mapping) or not all(
        isinstance(name, str)
        and isinstance(amount, (int, float))
        and not isinstance(amount, bool)
        and 0 <= amount < math.inf
        for name, amount in bundle.items()
    ):
        raise ValueError(
            "Bundles must be a non-empty list of resource dictionaries, from names to numbers of "
            f'at least 0, for example [{{"CPU": 1}}, {{"GPU": 1}}]; got the bundle {bundle!r}'
        )
    amounts = {name: float(amount) for name, amount in bundle.items()}
    if not any(amounts.values()):
        raise ValueError(
            "Bundles cannot be an empty dictionary or resources with only 0 values; got the "
            f"bundle {bundle!r}"
        )
    return amounts


def _checked(group: Any, what: str) -> PlacementGroup:
    if not isinstance(group, PlacementGroup):
        raise ValueError(f"{what} takes a PlacementGroup, got {group!r}")
    return group


def remove_placement_group(placement_group: PlacementGroup) -> None:
    """Gives back what the group reserves, and ends the tasks and actors that run in it."""
    group = _checked(placement_group, "remove_placement_group")
    process = current().runtime.process
    # Whoever asks about it from now on asks behind this.
    process.abandon(process.remove_placement_group(group.id.hex()))


def get_placement_group(placement_group_name: str) -> PlacementGroup:
    """The group of that name in this job's namespace; ValueError when there is none."""
    if not isinstance(placement_group_name, str) or not placement_group_name:
        raise ValueError(
            "Please supply a non-empty value to get_placement_group: the name of a placement "
            f"group, not {placement_group_name!r}"
        )
    runtime = current().runtime
    reply = runtime.await_request(
        runtime.process.request_named_placement_group(placement_group_name, runtime.namespace)
    )
    if not reply["found"]:
        raise ValueError(
            f"Failed to look up placement group with name: {placement_group_name}. There is none "
            f"in the namespace {runtime.namespace!r}; it may be in another one, or be removed"
        )
    spec = reply["group"]["spec"]
    return PlacementGroup(PlacementGroupID.from_hex(spec["group"]), spec["bundles"])


def _view_of(group: PlacementGroup) -> dict[str, Any]:
    runtime = current().runtime
    reply = runtime.await_request(runtime.process.request_placement_group(group.id.hex()))
    if not reply["found"]:
        raise ValueError(f"the cluster does not know the placement group {group.id.hex()}")
    view: dict[str, Any] = reply["group"]
    return view


def placement_group_row(view: dict[str, Any]) -> dict[str, Any]:
    """What the table and the lists say of a group."""
    spec = view["spec"]
    return {
        "placement_group_id": spec["group"],
        "name": spec["name"],
        "creator_job_id": spec["job"],
        "bundles": dict(enumerate(spec["bundles"])),
        "bundles_to_node_id": {
            index: bundle["node"] or "" for index, bundle in enumerate(view["bundles"])
        },
        "strategy": _NAMES[spec["strategy"]],
        "state": _STATES[view["state"]],
        "is_detached": spec["detached"],
        "stats": {"scheduling_attempt": view["attempts"]},
    }


def placement_group_table(placement_group: PlacementGroup | None = None) -> dict[str, Any]:
    """How one group is; without one, all of them by their ids.

    >>> import mobula
    >>> group = mobula.util.placement_group([{"CPU": 1}])
    >>> mobula.util.placement_group_table(group)["bundles"]
    {0: {'CPU': 1.0}}
    >>> mobula.util.remove_placement_group(group)
    """
    if placement_group is not None:
        return placement_group_row(_view_of(_checked(placement_group, "placement_group_table")))
    runtime = current().runtime
    views: Sequence[dict[str, Any]] = runtime.await_request(
        runtime.process.request_placement_groups()
    )["groups"]
    return {view["spec"]["group"]: placement_group_row(view) for view in views}


def get_current_placement_group() -> PlacementGroup | None:
    """The group that the running task or actor is in; None for a driver and others."""
    group = placement_of(current()).group
    return PlacementGroup(PlacementGroupID.from_hex(group)) if group else None
