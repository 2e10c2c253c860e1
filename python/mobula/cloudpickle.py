# SPDX-License-Identifier: Apache-2.0
"""The pickler that carries functions and classes by value, under the name that Ray has for it."""

from __future__ import annotations

from cloudpickle import (
    CloudPickler,
    Pickler,
    dump,
    dumps,
    load,
    loads,
    register_pickle_by_value,
)

# Ray's says more of what cannot be pickled, if it is told to.
dumps_debug = dumps

__all__ = [
    "CloudPickler",
    "Pickler",
    "dump",
    "dumps",
    "dumps_debug",
    "load",
    "loads",
    "register_pickle_by_value",
]
