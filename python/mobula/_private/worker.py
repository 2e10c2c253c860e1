# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests ask of the process they run in."""

from __future__ import annotations

import mobula
from mobula.util.state import list_objects

__all__ = ["global_worker"]


class _CoreWorker:
    """Ray's core worker, as far as tests look into it."""

    def get_all_reference_counts(self) -> dict[bytes, dict[str, int]]:
        """By the object's id in hexadecimal digits: the references of this process and of tasks.

        Handles of actors are left out, as there is no `ObjectRef` to them.
        """
        return {
            view["object_id"].encode(): {
                "local": view["local_references"],
                "submitted": view["submitted_references"],
            }
            for view in list_objects()
            if not view["is_actor"] and view["local_references"] + view["submitted_references"]
        }


class _Worker:
    """Ray's worker, likewise."""

    core_worker = _CoreWorker()

    @property
    def connected(self) -> bool:
        """Whether this process is part of a cluster."""
        return mobula.is_initialized()


global_worker = _Worker()
