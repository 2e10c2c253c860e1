# SPDX-License-Identifier: Apache-2.0
"""What Ray keeps under this name: where objects lie, and the cluster's key-value store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mobula import _lazy
from mobula._core import ObjectRef
from mobula._runtime import current
from mobula.experimental import internal_kv

__getattr__ = _lazy.attributes(__name__, {"tqdm_ray": "mobula.experimental.tqdm_ray"})

__all__ = ["get_local_object_locations", "get_object_locations", "internal_kv"]


def get_object_locations(
    obj_refs: Sequence[ObjectRef], timeout_ms: int = -1
) -> dict[ObjectRef, dict[str, Any]]:
    """By reference: the nodes that hold a copy and the size in bytes, as this process knows them.

    Of an object that another process owns, that is what its owner said last. A small object lies
    in messages, on no node. The timeout is taken and has no effect.

    >>> import mobula
    >>> reference = mobula.put(bytes(200_000))
    >>> [where] = mobula.experimental.get_object_locations([reference]).values()
    >>> where["node_ids"] == [mobula.get_runtime_context().get_node_id()], where["object_size"]
    (True, 200001)
    """
    process: Any = current().runtime.process
    statuses = {view["reference"][:20]: view["status"] for view in process.references()}
    return {ref: _location(statuses[ref.binary()]) for ref in obj_refs}


get_local_object_locations = get_object_locations


def _location(status: dict[str, Any]) -> dict[str, Any]:
    return {"node_ids": status["locations"], "object_size": status["size"]}
