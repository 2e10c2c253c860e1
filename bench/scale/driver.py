# SPDX-License-Identifier: Apache-2.0
"""One of two drivers of a cluster: always has tasks waiting, and tells how many are done.

driver.py ADDRESS SECONDS     of the cluster; that each task sleeps
"""

from __future__ import annotations

import collections
import signal
import sys
import time

import mobula as ray

# Waiting at any time: seconds of work for the cluster, and no more than keeps this process quick.
_AHEAD = 4_000
_TELL_S = 0.05


@ray.remote
def nap(seconds: float) -> None:
    """A task of this length."""
    if seconds:
        time.sleep(seconds)


def main() -> None:
    """Until it is terminated."""
    address, seconds = sys.argv[1], float(sys.argv[2])
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda signum, _: ends.append(signum))
    ray.init(address=address, log_to_driver=False)
    ahead = _AHEAD if seconds == 0 else min(_AHEAD, int(10 / seconds))
    waiting = collections.deque(nap.remote(seconds) for _ in range(ahead))
    # They end in about the order in which they were submitted.
    done, told = 0, 0.0
    step = max(1, ahead // 20) if seconds == 0 else 1
    while not ends:
        ray.get([waiting.popleft() for _ in range(step)])
        done += step
        waiting.extend(nap.remote(seconds) for _ in range(step))
        if time.time() - told > _TELL_S:
            told = time.time()
            print(f"[{told}, {done}]", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
