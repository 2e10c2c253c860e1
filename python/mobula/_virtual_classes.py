# SPDX-License-Identifier: Apache-2.0
"""Keeps the classes that programs define apart between simulated processes.

cloudpickle remembers by an id each class that it pickles by value, so that a process that gets its
own class back recognises it. One memory for all processes would hand a worker the driver's very
class, with its class attributes; so each process has its own.
"""

from __future__ import annotations

import random
from typing import Any

from cloudpickle import cloudpickle

from mobula import _sim_process
from mobula._virtual_patch import put


def install() -> None:
    """Gives each simulated process its own memory of classes."""
    outside_ids: dict[str, Any] = {}
    outside_classes: dict[Any, str] = {}

    def tables() -> tuple[dict[str, Any], dict[Any, str]]:
        process = _sim_process.current()
        if process is None:
            return outside_ids, outside_classes
        return process.classes_by_id, process.ids_by_class

    def get_or_create_tracker_id(class_def: Any) -> str:
        by_id, by_class = tables()
        tracker = by_class.get(class_def)
        if tracker is None:
            tracker = by_class[class_def] = _new_id()
            by_id[tracker] = class_def
        return tracker

    def lookup_class_or_track(class_tracker_id: str | None, class_def: Any) -> Any:
        if class_tracker_id is None:
            return class_def
        by_id, by_class = tables()
        class_def = by_id.setdefault(class_tracker_id, class_def)
        by_class[class_def] = class_tracker_id
        return class_def

    put(cloudpickle, "_get_or_create_tracker_id", get_or_create_tracker_id)
    put(cloudpickle, "_lookup_class_or_track", lookup_class_or_track)


def _new_id() -> str:
    process = _sim_process.current()
    stream = process.stream("classes") if process else random
    return f"{stream.getrandbits(128):032x}"
