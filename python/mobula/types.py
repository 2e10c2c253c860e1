# SPDX-License-Identifier: Apache-2.0
"""References, for annotations: Ray's programs import them from here."""

from __future__ import annotations

from mobula._object_ref import ObjectRef

__all__ = ["ObjectRef"]
