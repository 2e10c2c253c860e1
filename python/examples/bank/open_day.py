# SPDX-License-Identifier: Apache-2.0
"""One teller, two deposits: small enough to try a crash at every event."""

import ray
from mended import open_bank

ray.init()
ledger, (teller,) = open_bank(tellers=1)
ray.get([teller.deposit.remote(number, "alice", 10) for number in range(2)])
print(ray.get(ledger.balance.remote("alice")))
