# SPDX-License-Identifier: Apache-2.0
"""Waits for a clock without ever giving way."""

import time


def wait_badly():
    end = time.time() + 1
    while time.time() < end:
        pass


wait_badly()
