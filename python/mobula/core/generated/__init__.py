# SPDX-License-Identifier: Apache-2.0
"""Of Ray's protocol only what its own tests compare with."""

__all__: list[str] = []
