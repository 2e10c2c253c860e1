# SPDX-License-Identifier: Apache-2.0
"""States as Ray's protocol numbers them."""

from mobula._private.gcs_utils import ActorTableData

__all__ = ["ActorTableData"]
