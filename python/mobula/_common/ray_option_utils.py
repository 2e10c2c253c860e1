# SPDX-License-Identifier: Apache-2.0
"""The name under which newer Rays keep the tables of options."""

from mobula._private.ray_option_utils import Option, actor_options, task_options, valid_options

__all__ = ["Option", "actor_options", "task_options", "valid_options"]
