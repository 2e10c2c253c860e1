# SPDX-License-Identifier: Apache-2.0
"""Where Ray's own programs find `profile`."""

from mobula.profiling import profile

__all__ = ["profile"]
