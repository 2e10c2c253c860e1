# SPDX-License-Identifier: Apache-2.0
"""The tables of options, by the names that Ray gives them."""

from __future__ import annotations

from mobula._option_table import ACTOR, FUNCTION, Option

__all__ = ["Option", "actor_options", "task_options", "valid_options"]

task_options: dict[str, Option] = FUNCTION
actor_options: dict[str, Option] = ACTOR
valid_options: dict[str, Option] = {**FUNCTION, **ACTOR}
