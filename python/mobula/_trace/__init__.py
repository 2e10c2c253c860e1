# SPDX-License-Identifier: Apache-2.0
"""Reads traces of runs: as a page, for Perfetto, and to find where two runs part."""
