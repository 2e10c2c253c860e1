# SPDX-License-Identifier: Apache-2.0
"""Clusters on hosts that are given by a file."""
