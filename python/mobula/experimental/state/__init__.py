# SPDX-License-Identifier: Apache-2.0
"""Where Rays before 2.3 have ``util.state``."""

__all__: list[str] = []
