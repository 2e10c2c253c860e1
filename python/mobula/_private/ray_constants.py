# SPDX-License-Identifier: Apache-2.0
"""Constants that Ray's own tests import."""

from __future__ import annotations

from mobula._remote_function import DEFAULT_TASK_MAX_RETRIES

__all__ = ["DEFAULT_TASK_MAX_RETRIES"]
