# SPDX-License-Identifier: Apache-2.0
"""The Ray system, on real machines and in a deterministic simulator.

>>> import mobula as ray
>>> @ray.remote
... def square(x):
...     return x * x
>>> ray.get([square.remote(i) for i in range(4)])
[0, 1, 4, 9]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobula import _lazy, actor, exceptions, internal
from mobula._actor import ActorClass, exit_actor, get_actor, kill, method
from mobula._actor_handle import ActorHandle, ActorMethod
from mobula._cancel import cancel
from mobula._cluster_view import available_resources, cluster_resources, nodes
from mobula._gpus import get_gpu_ids
from mobula._init import RayContext, init, is_initialized, shutdown
from mobula._object_ref import ObjectRef
from mobula._object_ref_generator import DynamicObjectRefGenerator, ObjectRefGenerator
from mobula._objects import get, put, wait
from mobula._remote import remote
from mobula._remote_function import RemoteFunction
from mobula.ids import (
    ActorClassID,
    ActorID,
    ClusterID,
    FunctionID,
    JobID,
    NodeID,
    PlacementGroupID,
    TaskID,
    UniqueID,
    WorkerID,
)
from mobula.language import Language
from mobula.runtime_context import get_runtime_context

if TYPE_CHECKING:
    from mobula._logging_config import LoggingConfig
    from mobula.cross_language import cpp_function
    from mobula.profiling import timeline

# As Rays before 2.0 call it.
ObjectID = ObjectRef

# The release of Ray whose words this package follows; programs compare it.
__version__ = "2.9.0"
# Ray's programs print it; this package is not built from a commit of Ray's.
__commit__ = "mobula"

# What `_private.worker.global_worker.mode` may be; nothing runs in the third.
SCRIPT_MODE, WORKER_MODE, LOCAL_MODE = range(3)

# Ray's programs use these after a mere `import ray`; the later ones under names of older Rays.
__getattr__ = _lazy.attributes(
    __name__,
    {
        "LoggingConfig": "mobula._logging_config:LoggingConfig",
        "_private": "mobula._private",
        "_raylet": "mobula._raylet",
        "cloudpickle": "mobula.cloudpickle",
        "cluster_utils": "mobula.cluster_utils",
        "cpp_function": "mobula.cross_language:cpp_function",
        "cross_language": "mobula.cross_language",
        "dag": "mobula.dag",
        "job_config": "mobula.job_config",
        "experimental": "mobula.experimental",
        "profiling": "mobula.profiling",
        "runtime_env": "mobula.runtime_env",
        "timeline": "mobula.profiling:timeline",
        "util": "mobula.util",
        "ray_constants": "mobula._private.ray_constants",
        "state": "mobula._private.state",
        "test_utils": "mobula._private.test_utils",
        "worker": "mobula._private.worker",
    },
)

__all__ = [
    "ActorClass",
    "ActorClassID",
    "ActorHandle",
    "ActorID",
    "ActorMethod",
    "ClusterID",
    "DynamicObjectRefGenerator",
    "FunctionID",
    "JobID",
    "Language",
    "LoggingConfig",
    "NodeID",
    "ObjectID",
    "ObjectRef",
    "ObjectRefGenerator",
    "PlacementGroupID",
    "RayContext",
    "RemoteFunction",
    "TaskID",
    "UniqueID",
    "WorkerID",
    "actor",
    "available_resources",
    "cancel",
    "cluster_resources",
    "cpp_function",
    "exceptions",
    "exit_actor",
    "get",
    "get_actor",
    "get_gpu_ids",
    "get_runtime_context",
    "init",
    "internal",
    "is_initialized",
    "kill",
    "method",
    "nodes",
    "put",
    "remote",
    "shutdown",
    "timeline",
    "wait",
]
