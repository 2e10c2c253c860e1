# SPDX-License-Identifier: Apache-2.0
"""Where Ray keeps what is generated from its protocol."""

__all__: list[str] = []
