# SPDX-License-Identifier: Apache-2.0
"""One group of processes that work together through gloo."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from typing import Any

import numpy

from mobula import _sim_process
from mobula._runtime import current
from mobula.util import get_node_ip_address
from mobula.util.collective.types import ReduceOp

__all__ = ["GlooGroup", "torch"]

# Of the key-value store: where the first member of a group waits for the others.
_SPACE = "collective_groups"
_POLL_S = 0.02


def torch() -> Any:
    """The package; ImportError that says how to get it."""
    try:
        import torch
        import torch.distributed
    except ImportError as error:
        raise ImportError(
            "collective operations need PyTorch, which is not installed: pip install torch"
        ) from error
    return torch


def key_of(group: str) -> str:
    """Under which the members of a group of this job find what they say of it."""
    return f"{current().runtime.identity['job']}/{group}"


class GlooGroup:
    """This process's part in a group."""

    def __init__(self, name: str, world_size: int, rank: int, timeout_ms: int) -> None:
        """Waits for all other members, at most so long."""
        self.name = name
        self.world_size = world_size
        self.rank = rank
        self._torch = torch()
        timeout = datetime.timedelta(milliseconds=timeout_ms)
        store = self._meet(timeout)
        distributed = self._torch.distributed
        self._process_group = distributed.ProcessGroupGloo(
            distributed.PrefixStore(name, store), rank, world_size, timeout
        )

    def _meet(self, timeout: datetime.timedelta) -> Any:
        """The store of keys that the first member offers, and whose address it makes known."""
        if _sim_process.current() is not None:
            _sim_process.refuse("ray.util.collective", "remote calls between actors")
        distributed, runtime = self._torch.distributed, current().runtime
        key = key_of(self.name)
        if self.rank == 0:
            address = get_node_ip_address()
            store = distributed.TCPStore(address, 0, self.world_size, True, timeout, False)
            runtime.ask_kv("kPut", _SPACE, key, f"{address}:{store.port}".encode())
            return store
        deadline = time.monotonic() + timeout.total_seconds()
        while True:
            reply = runtime.ask_kv("kGet", _SPACE, key)
            if reply["found"]:
                host, _, port = bytes(reply["value"]).decode().rpartition(":")
                return distributed.TCPStore(host, int(port), self.world_size, False, timeout)
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the member with rank 0 of the collective group {self.name!r} did not appear "
                    f"within {timeout.total_seconds()} s"
                )
            time.sleep(_POLL_S)

    def destroy(self) -> None:
        """Leaves the group."""
        if self.rank == 0:
            current().runtime.ask_kv("kDelete", _SPACE, key_of(self.name))

    # ---- Operations: all change the tensors in place -------------------------------------------

    def allreduce(self, tensor: Any, op: ReduceOp) -> None:
        """Every member gets the reduced values."""
        options = self._torch.distributed.AllreduceOptions()
        options.reduceOp = self._operation(op)
        self._process_group.allreduce([self._tensor(tensor)], options).wait()

    def reduce(self, tensor: Any, dst_rank: int, op: ReduceOp) -> None:
        """One member gets the reduced values."""
        options = self._torch.distributed.ReduceOptions()
        options.reduceOp = self._operation(op)
        options.rootRank = dst_rank
        # Gloo leaves the others with what came by; they keep their values.
        own = self._tensor(tensor)
        result = own if self.rank == dst_rank else own.clone()
        self._process_group.reduce([result], options).wait()

    def broadcast(self, tensor: Any, src_rank: int) -> None:
        """Every member gets the values of one."""
        options = self._torch.distributed.BroadcastOptions()
        options.rootRank = src_rank
        self._process_group.broadcast([self._tensor(tensor)], options).wait()

    def allgather(self, tensor_list: Sequence[Any], tensor: Any) -> None:
        """Every member gets the values of all, in a tensor for each."""
        gathered = [self._tensor(one) for one in tensor_list]
        self._process_group.allgather([gathered], [self._tensor(tensor)]).wait()

    def reducescatter(self, tensor: Any, tensor_list: Sequence[Any], op: ReduceOp) -> None:
        """Each member gets its part of the reduced values."""
        # Gloo itself has no such operation for all types of numbers.
        stacked = self._torch.stack([self._tensor(one) for one in tensor_list])
        self.allreduce(stacked, op)
        self._tensor(tensor).copy_(stacked[self.rank])

    def barrier(self) -> None:
        """Waits until every member is here."""
        self._process_group.barrier().wait()

    def send(self, tensor: Any, dst_rank: int) -> None:
        """Gives values to one member, which must ask for them."""
        self._process_group.send([self._tensor(tensor)], dst_rank, 0).wait()

    def recv(self, tensor: Any, src_rank: int) -> None:
        """Takes values from one member."""
        self._process_group.recv([self._tensor(tensor)], src_rank, 0).wait()

    def _operation(self, op: ReduceOp) -> Any:
        return getattr(self._torch.distributed.ReduceOp, op.name)

    def _tensor(self, value: Any) -> Any:
        """A tensor in the memory of an array or tensor."""
        if isinstance(value, self._torch.Tensor):
            if not value.is_contiguous():
                raise ValueError("a tensor must be contiguous: use tensor.contiguous()")
            return value
        if not isinstance(value, numpy.ndarray):
            raise TypeError(
                f"collective operations take numpy arrays or torch tensors, got {type(value)}"
            )
        if not value.flags.writeable or not value.flags.c_contiguous:
            raise ValueError(
                "an array must be contiguous and writeable; one that came from the object store "
                "is not: use array.copy()"
            )
        return self._torch.from_numpy(value)
