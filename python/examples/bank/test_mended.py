# SPDX-License-Identifier: Apache-2.0
import pytest
import ray
from mended import open_bank


@pytest.fixture
def cluster():
    yield ray.init()
    ray.shutdown()


def test_the_bank_loses_and_makes_no_money(cluster):
    ledger, tellers = open_bank(tellers=3)
    receipts = [
        teller.deposit.remote((i, j), "alice", 10)
        for i, teller in enumerate(tellers)
        for j in range(4)
    ]
    assert len(ray.get(receipts)) == 12
    assert ray.get(ledger.balance.remote("alice")) == 120
