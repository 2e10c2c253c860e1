# SPDX-License-Identifier: Apache-2.0
"""Constants that Ray's own tests import."""

from __future__ import annotations

from mobula import _actor, _functions, _remote_function

DEFAULT_TASK_MAX_RETRIES = _remote_function.DEFAULT_TASK_MAX_RETRIES
FUNCTION_SIZE_ERROR_THRESHOLD = _functions.SIZE_ERROR_THRESHOLD
FUNCTION_SIZE_WARN_THRESHOLD = _functions.SIZE_WARN_THRESHOLD

# Kinds of errors that are told to drivers: see `gcs_pubsub`.
TASK_PUSH_ERROR = "task"
WORKER_DIED_PUSH_ERROR = "worker_died"
REMOVED_NODE_ERROR = "node_removed"
PICKLING_LARGE_OBJECT_PUSH_ERROR = _functions.TOO_LARGE
# Kinds that only `publish_error_to_driver` tells: their causes are parts of Ray's own.
DETACHED_ACTOR_ANONYMOUS_NAMESPACE_ERROR = _actor.ANONYMOUS_NAMESPACE
DASHBOARD_AGENT_DIED_ERROR = "dashboard_agent_died"
DASHBOARD_DIED_ERROR = "dashboard_died"
EXCESS_QUEUEING_WARNING = "excess_queueing_warning"
MONITOR_DIED_ERROR = "monitor_died"
PUT_RECONSTRUCTION_PUSH_ERROR = "put_reconstruction"
RAYLET_DIED_ERROR = "raylet_died"
RESOURCE_DEADLOCK_ERROR = "resource_deadlock"
VERSION_MISMATCH_PUSH_ERROR = "version_mismatch"
WORKER_CRASH_PUSH_ERROR = "worker_crash"
WORKER_POOL_LARGE_ERROR = "worker_pool_large"

# In Ray's key-value store, why its autoscaler died.
DEBUG_AUTOSCALING_ERROR = "__autoscaling_error"
# The key-value store's part for code.
KV_NAMESPACE_FUNCTION_TABLE = b"fun"
# The environment variable that says what the dashboard's address is from outside.
RAY_OVERRIDE_DASHBOARD_URL = "RAY_OVERRIDE_DASHBOARD_URL"
# In Ray's lists of a node's processes.
PROCESS_TYPE_GCS_SERVER = "gcs_server"
PROCESS_TYPE_RAYLET = "raylet"

__all__ = sorted(name for name in globals() if name.isupper())
