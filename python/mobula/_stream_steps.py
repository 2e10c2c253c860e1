# SPDX-License-Identifier: Apache-2.0
"""What the runtime says of how a generator goes on; the numbers of its ``StreamStep``."""

NEXT, END, CANCELLED, TIMED_OUT = range(4)
