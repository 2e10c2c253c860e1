# SPDX-License-Identifier: Apache-2.0
"""Runtime environments as objects: dicts that are checked when they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mobula import _options
from mobula._environments import fields

__all__ = ["RuntimeEnv", "RuntimeEnvConfig"]


class RuntimeEnvConfig(dict[str, Any]):
    """How an environment is made: the field ``config`` of one.

    >>> RuntimeEnvConfig(setup_timeout_seconds=60)
    {'setup_timeout_seconds': 60, 'eager_install': True}
    """

    def __init__(
        self, setup_timeout_seconds: int = fields.SETUP_TIMEOUT_S, eager_install: bool = True
    ) -> None:
        """-1 seconds are as many as it takes; ``eager_install``: before a task waits for it."""
        super().__init__(setup_timeout_seconds=setup_timeout_seconds, eager_install=eager_install)
        _options.check({"runtime_env": {"config": self}}, _CHECKS, "RuntimeEnvConfig")

    @classmethod
    def parse_and_validate_runtime_env_config(
        cls, config: Mapping[str, Any] | RuntimeEnvConfig
    ) -> RuntimeEnvConfig:
        """From a dict with some of the fields."""
        _options.check({"runtime_env": {"config": config}}, _CHECKS, "RuntimeEnvConfig")
        return cls(**config)

    def to_dict(self) -> dict[str, Any]:
        """As a plain dict."""
        return dict(self)


class RuntimeEnv(dict[str, Any]):
    """What workers find around them; may stand wherever a ``runtime_env`` may be given.

    >>> RuntimeEnv(env_vars={"COLOUR": "blue"})
    {'env_vars': {'COLOUR': 'blue'}}
    """

    def __init__(self, **fields: Any) -> None:
        """The fields that are not None; raises ValueError for one that is unknown or wrong."""
        super().__init__()
        for name, value in fields.items():
            self.set(name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        """Sets a field, after a check."""
        _options.check({"runtime_env": {**self, name: value}}, _CHECKS, "RuntimeEnv")
        super().__setitem__(name, value)

    def set(self, name: str, value: Any) -> None:
        """Sets a field; None takes it away."""
        if value is None:
            self.pop(name, None)
        else:
            self[name] = value

    def to_dict(self) -> dict[str, Any]:
        """As a plain dict."""
        return dict(self)

    def serialize(self) -> str:
        """As JSON."""
        return json.dumps(self, sort_keys=True)

    @classmethod
    def deserialize(cls, serialized_runtime_env: str) -> RuntimeEnv:
        """What ``serialize`` made."""
        return cls(**json.loads(serialized_runtime_env))

    def env_vars(self) -> dict[str, str]:
        """The environment variables."""
        return dict(self.get("env_vars", {}))

    def working_dir(self) -> str:
        """The folder that workers run in; empty when none is given."""
        return str(self.get("working_dir", ""))

    def working_dir_uri(self) -> str | None:
        """As ``working_dir``; None when none is given."""
        return self.get("working_dir")

    def has_working_dir(self) -> bool:
        """Whether one is given."""
        return bool(self.get("working_dir"))

    def py_modules(self) -> list[str]:
        """The modules that workers can import besides."""
        return list(self.get("py_modules", ()))

    def py_modules_uris(self) -> list[str]:
        """As ``py_modules``."""
        return self.py_modules()

    def has_pip(self) -> bool:
        """Whether pip installs packages for it."""
        return bool(self.get("pip"))

    def pip_config(self) -> dict[str, Any]:
        """What it installs, as a dict."""
        return _installed(self.get("pip"))

    def has_uv(self) -> bool:
        """Whether uv installs packages for it."""
        return bool(self.get("uv"))

    def uv_config(self) -> dict[str, Any]:
        """What it installs, as a dict."""
        return _installed(self.get("uv"))

    def has_conda(self) -> bool:
        """Never: conda environments are not made."""
        return False

    def has_py_container(self) -> bool:
        """Never: workers are not put into containers."""
        return False


def _installed(field: Any) -> dict[str, Any]:
    if not field:
        return {}
    return dict(field) if isinstance(field, Mapping) else {"packages": field}


_CHECKS = {"runtime_env": _options.FUNCTION["runtime_env"]}
