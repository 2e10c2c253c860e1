# SPDX-License-Identifier: Apache-2.0
"""Runtime environments: what workers find around them, and how it gets there."""
