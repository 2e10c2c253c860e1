# SPDX-License-Identifier: Apache-2.0
"""Ray's functions for collective operations; each process has its groups, by name."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Sequence
from typing import Any

from mobula._runtime import current
from mobula.actor import ActorHandle
from mobula.util.collective.gloo_group import GlooGroup, key_of
from mobula.util.collective.types import Backend, ReduceOp

__all__ = [
    "allgather",
    "allreduce",
    "barrier",
    "broadcast",
    "create_collective_group",
    "destroy_collective_group",
    "get_collective_group_size",
    "get_group_handle",
    "get_rank",
    "gloo_available",
    "init_collective_group",
    "is_backend_available",
    "is_group_initialized",
    "nccl_available",
    "recv",
    "reduce",
    "reducescatter",
    "send",
]

# Of the key-value store: what a driver said of groups that their members have not entered yet.
_DECLARED = "declared_collective_groups"
_TIMEOUT_MS = 30_000

_groups: dict[str, GlooGroup] = {}


def nccl_available() -> bool:
    """No: data goes through the processes' own memory."""
    return False


def gloo_available() -> bool:
    """Whether PyTorch is installed, which brings gloo."""
    return importlib.util.find_spec("torch") is not None


def is_backend_available(backend: str) -> bool:
    """Whether groups may use it."""
    return backend.lower() == Backend.GLOO and gloo_available()


def init_collective_group(
    world_size: int,
    rank: int,
    backend: str = Backend.GLOO,
    group_name: str = "default",
    gloo_timeout: int = _TIMEOUT_MS,
) -> None:
    """Enters a group: each of its ``world_size`` members calls this, with its own rank.

    Returns when all are there; raises after ``gloo_timeout`` milliseconds.
    """
    _check(world_size, [rank], backend, group_name)
    if group_name in _groups:
        raise RuntimeError("Trying to initialize a group twice.")
    _groups[group_name] = GlooGroup(group_name, world_size, rank, gloo_timeout)


def create_collective_group(
    actors: Sequence[ActorHandle],
    world_size: int,
    ranks: Sequence[int],
    backend: str = Backend.GLOO,
    group_name: str = "default",
    gloo_timeout: int = _TIMEOUT_MS,
) -> None:
    """Declares a group of actors, which enter it by their first operation."""
    _check(world_size, ranks, backend, group_name)
    if not len(actors) == len(ranks) == world_size:
        raise ValueError(
            f"a group of {world_size} needs as many actors and ranks; got {len(actors)} actors, "
            f"ranks {list(ranks)}"
        )
    if len(set(ranks)) != world_size:
        raise ValueError(f"every rank must be different, got {list(ranks)}")
    members = dict(zip((actor._actor_id.hex() for actor in actors), ranks, strict=True))
    declared = pickle.dumps((members, gloo_timeout))
    runtime = current().runtime
    is_new = runtime.ask_kv("kPut", _DECLARED, key_of(group_name), declared, overwrite=False)[
        "found"
    ]
    if not is_new:
        raise RuntimeError("Trying to initialize a group twice.")


def is_group_initialized(group_name: str = "default") -> bool:
    """Whether this process has entered the group."""
    return group_name in _groups


def destroy_collective_group(group_name: str = "default") -> None:
    """Leaves the group; or, in its driver, forgets what was declared."""
    runtime = current().runtime
    group = _groups.pop(group_name, None)
    if group is not None:
        group.destroy()
    if group is None or group.rank == 0:
        runtime.ask_kv("kDelete", _DECLARED, key_of(group_name))


def get_rank(group_name: str = "default") -> int:
    """This process's number in the group; -1 when it is not a member."""
    group = _find(group_name)
    return -1 if group is None else group.rank


def get_collective_group_size(group_name: str = "default") -> int:
    """How many members the group has; -1 when this process is not one."""
    group = _find(group_name)
    return -1 if group is None else group.world_size


def get_group_handle(group_name: str = "default") -> GlooGroup:
    """This process's part in the group, which it enters if it was declared to be a member."""
    group = _find(group_name)
    if group is None:
        raise RuntimeError(
            f"The collective group '{group_name}' is not initialized in the process: call "
            f"init_collective_group in each member, or create_collective_group in the driver"
        )
    return group


def allreduce(tensor: Any, group_name: str = "default", op: ReduceOp = ReduceOp.SUM) -> None:
    """Puts the sum (or what ``op`` says) of all members' tensors in the place of each."""
    get_group_handle(group_name).allreduce(tensor, _checked_op(op))


def reduce(
    tensor: Any, dst_rank: int = 0, group_name: str = "default", op: ReduceOp = ReduceOp.SUM
) -> None:
    """As ``allreduce``, for one member only; the others' tensors stay."""
    group = get_group_handle(group_name)
    group.reduce(tensor, _checked_rank(group.world_size, dst_rank), _checked_op(op))


def broadcast(tensor: Any, src_rank: int = 0, group_name: str = "default") -> None:
    """Puts one member's tensor in the place of all others'."""
    group = get_group_handle(group_name)
    group.broadcast(tensor, _checked_rank(group.world_size, src_rank))


def allgather(tensor_list: list[Any], tensor: Any, group_name: str = "default") -> None:
    """Fills the list's tensors with those of all members, by rank."""
    group = get_group_handle(group_name)
    group.allgather(_checked_list(group, tensor_list), tensor)


def reducescatter(
    tensor: Any, tensor_list: list[Any], group_name: str = "default", op: ReduceOp = ReduceOp.SUM
) -> None:
    """Puts the sum of all members' lists, at the place of one's own rank, into ``tensor``."""
    group = get_group_handle(group_name)
    group.reducescatter(tensor, _checked_list(group, tensor_list), _checked_op(op))


def barrier(group_name: str = "default") -> None:
    """Waits until all members call this."""
    get_group_handle(group_name).barrier()


def send(tensor: Any, dst_rank: int, group_name: str = "default") -> None:
    """Gives a tensor to the member that calls ``recv``."""
    group = get_group_handle(group_name)
    group.send(tensor, _checked_peer(group, dst_rank))


def recv(tensor: Any, src_rank: int, group_name: str = "default") -> None:
    """Fills the tensor with that which the other member sends."""
    group = get_group_handle(group_name)
    group.recv(tensor, _checked_peer(group, src_rank))


def _find(name: str) -> GlooGroup | None:
    group = _groups.get(name)
    runtime = current().runtime
    if group is not None or runtime.actor_host is None:
        return group
    reply = runtime.ask_kv("kGet", _DECLARED, key_of(name))
    if not reply["found"]:
        return None
    members, timeout_ms = pickle.loads(bytes(reply["value"]))
    rank = members.get(runtime.actor_host.actor_id)
    if rank is None:
        return None
    group = _groups[name] = GlooGroup(name, len(members), rank, timeout_ms)
    return group


def _check(world_size: Any, ranks: Sequence[Any], backend: Any, name: Any) -> None:
    if not isinstance(backend, str) or backend.lower() != Backend.GLOO:
        raise ValueError(f"backend must be 'gloo', the only one that there is; got {backend!r}")
    if not isinstance(name, str) or not name:
        raise ValueError(f"group_name '{name}' needs to be a string.")
    if isinstance(world_size, bool) or not isinstance(world_size, int) or world_size < 1:
        raise ValueError(f"world_size must be an int of at least 1, got {world_size!r}")
    for rank in ranks:
        _checked_rank(world_size, rank)


def _checked_rank(world_size: int, rank: Any) -> int:
    if isinstance(rank, bool) or not isinstance(rank, int) or not 0 <= rank < world_size:
        raise ValueError(f"a rank is an int from 0 to {world_size - 1}, got {rank!r}")
    return rank


def _checked_peer(group: GlooGroup, rank: Any) -> int:
    if _checked_rank(group.world_size, rank) == group.rank:
        raise RuntimeError(f"The peer rank '{rank}' is the caller's own.")
    return int(rank)


def _checked_list(group: GlooGroup, tensors: Any) -> list[Any]:
    if not isinstance(tensors, list) or len(tensors) != group.world_size:
        raise RuntimeError(
            f"The length of the tensor list operands must be the world size, {group.world_size}: "
            f"got {tensors!r}"
        )
    return tensors


def _checked_op(op: Any) -> ReduceOp:
    if not isinstance(op, ReduceOp):
        raise TypeError(f"op must be a ReduceOp, got {op!r}")
    return op
