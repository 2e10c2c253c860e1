# SPDX-License-Identifier: Apache-2.0
"""Runtime environments as objects: dicts that are checked when they are made."""

from __future__ import annotations

import json
from typing import Any

from mobula import _options

__all__ = ["RuntimeEnv"]


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
        _options.check({"runtime_env": {name: value}}, _CHECKS, "RuntimeEnv")
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


_CHECKS = {"runtime_env": _options.FUNCTION["runtime_env"]}
