# SPDX-License-Identifier: Apache-2.0
"""What a driver says of its job, as one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobula import _options

__all__ = ["JobConfig"]

_CHECKS = {
    "runtime_env": _options.FUNCTION["runtime_env"],
    "ray_namespace": _options.ACTOR["namespace"],
    "default_actor_lifetime": _options.ACTOR["lifetime"],
}


class JobConfig:
    """For ``init(job_config=...)``.

    >>> JobConfig(ray_namespace="science").ray_namespace
    'science'
    """

    def __init__(
        self,
        jvm_options: Sequence[str] | None = None,
        code_search_path: Sequence[str] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        _client_job: bool = False,
        metadata: Mapping[str, str] | None = None,
        ray_namespace: str | None = None,
        default_actor_lifetime: str = "non_detached",
    ) -> None:
        """``code_search_path``: folders where workers look for modules, and for libraries of C++.

        Also single libraries, whose functions ``mobula.cross_language`` calls.

        ``default_actor_lifetime`` is that of actors which say nothing of their own. ValueError for
        what cannot be, and for Java.
        """
        if jvm_options:
            raise ValueError("jvm_options are for Java workers, which there are none of")
        if _client_job:
            raise ValueError("there is no Ray Client; drivers are processes of the cluster")
        if isinstance(code_search_path, str):
            raise ValueError(f"code_search_path takes a list of folders, got {code_search_path!r}")
        self.code_search_path = list(code_search_path or ())
        self.metadata = dict(metadata or {})
        self.ray_namespace = ray_namespace
        self.runtime_env: dict[str, Any] = {}
        self.default_actor_lifetime = default_actor_lifetime
        self.set_ray_namespace(ray_namespace)
        self.set_default_actor_lifetime(default_actor_lifetime)
        self.set_runtime_env(runtime_env)

    def set_metadata(self, key: str, value: str) -> None:
        """One more fact for people."""
        self.metadata[key] = value

    def set_runtime_env(self, runtime_env: Mapping[str, Any] | None) -> None:
        """As ``runtime_env`` of ``init``."""
        given = {"runtime_env": runtime_env}
        self.runtime_env = dict(_options.check(given, _CHECKS, "JobConfig").get("runtime_env", {}))

    def set_ray_namespace(self, ray_namespace: str | None) -> None:
        """As ``namespace`` of ``init``."""
        _options.check({"ray_namespace": ray_namespace}, _CHECKS, "JobConfig")
        self.ray_namespace = ray_namespace

    def set_default_actor_lifetime(self, default_actor_lifetime: str) -> None:
        """ "detached" or "non_detached"."""
        given = {"default_actor_lifetime": default_actor_lifetime}
        _options.check(given, _CHECKS, "JobConfig")
        self.default_actor_lifetime = default_actor_lifetime
