# SPDX-License-Identifier: Apache-2.0
"""The key-value store of the cluster, under the names that Ray has for it."""

from __future__ import annotations

from typing import Any

from mobula import _world
from mobula._runtime import current

__all__ = [
    "_internal_kv_del",
    "_internal_kv_exists",
    "_internal_kv_get",
    "_internal_kv_initialized",
    "_internal_kv_list",
    "_internal_kv_put",
]

# Of the store's spaces; the runtime's own are others.
_SPACE = "internal_kv"


def _internal_kv_initialized() -> bool:
    """Whether this process is in a cluster."""
    return _world.current.root is not None


def _internal_kv_get(key: str | bytes, *, namespace: str | bytes | None = None) -> bytes | None:
    """The value; None when there is none.

    >>> import mobula
    >>> from mobula.experimental.internal_kv import _internal_kv_get, _internal_kv_put
    >>> _internal_kv_put("colour", "blue"), _internal_kv_put("colour", "red", overwrite=False)
    (False, True)
    >>> _internal_kv_get("colour")
    b'blue'
    """
    reply = _ask("kGet", key, namespace)
    return bytes(reply["value"]) if reply["found"] else None


def _internal_kv_exists(key: str | bytes, *, namespace: str | bytes | None = None) -> bool:
    """Whether there is a value."""
    return bool(_ask("kExists", key, namespace)["found"])


def _internal_kv_put(
    key: str | bytes,
    value: str | bytes,
    overwrite: bool = True,
    *,
    namespace: str | bytes | None = None,
) -> bool:
    """Sets a value; one that is there stays without ``overwrite``. Returns whether one was."""
    return not _ask("kPut", key, namespace, value=_bytes(value), overwrite=overwrite)["found"]


def _internal_kv_del(
    key: str | bytes, *, del_by_prefix: bool = False, namespace: str | bytes | None = None
) -> int:
    """Removes a value, or with ``del_by_prefix`` all whose keys begin so; returns how many."""
    keys = _internal_kv_list(key, namespace=namespace) if del_by_prefix else [key]
    return sum(int(_ask("kDelete", one, namespace)["found"]) for one in keys)


def _internal_kv_list(prefix: str | bytes, *, namespace: str | bytes | None = None) -> list[bytes]:
    """The keys that begin so."""
    found: list[str] = _ask("kKeys", prefix, namespace)["keys"]
    return [key.encode() for key in found]


def _ask(
    operation: str, key: str | bytes, namespace: str | bytes | None, **more: Any
) -> dict[str, Any]:
    if _text(key).startswith("@namespace_"):
        raise RuntimeError(f"a key cannot begin with '@namespace_', got {_text(key)!r}")
    space = f"{_SPACE}/{_text(namespace)}" if namespace else _SPACE
    return current().runtime.ask_kv(operation, space, _text(key), **more)


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data
