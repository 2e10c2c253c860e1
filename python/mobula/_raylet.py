# SPDX-License-Identifier: Apache-2.0
"""Names of Ray's extension module that programs and Ray's own tests import from there."""

from __future__ import annotations

from mobula._object_ref import ObjectRef
from mobula._object_ref_generator import DynamicObjectRefGenerator, ObjectRefGenerator
from mobula.exceptions import ObjectRefStreamEndOfStreamError
from mobula.ids import ActorID, JobID, NodeID, TaskID, WorkerID

# Before Ray 2.10.
StreamingObjectRefGenerator = ObjectRefGenerator

__all__ = [
    "ActorID",
    "DynamicObjectRefGenerator",
    "JobID",
    "NodeID",
    "ObjectRef",
    "ObjectRefGenerator",
    "ObjectRefStreamEndOfStreamError",
    "StreamingObjectRefGenerator",
    "TaskID",
    "WorkerID",
]
