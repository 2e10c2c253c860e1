# SPDX-License-Identifier: Apache-2.0
"""The bank, mended: a deposit has a number, and the ledger knows which it has seen."""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@ray.remote(num_cpus=0)
class Ledger:
    """The books. They lie in a safe place: on the head node."""

    def __init__(self):
        self.balances = {}
        self.seen = set()

    def add(self, number, account, amount):
        if number in self.seen:
            return
        self.seen.add(number)
        self.balances[account] = self.balances.get(account, 0) + amount

    def balance(self, account):
        return self.balances.get(account, 0)


@ray.remote(scheduling_strategy="SPREAD", max_restarts=-1, max_task_retries=-1)
class Teller:
    """Stateless, so it may be restarted; a repeated call does nothing twice."""

    def __init__(self, ledger):
        self.ledger = ledger

    def deposit(self, number, account, amount):
        ray.get(self.ledger.add.remote(number, account, amount))
        return f"{amount} received with thanks"


def open_bank(tellers):
    head = ray.get_runtime_context().get_node_id()
    place = NodeAffinitySchedulingStrategy(head, soft=False)
    ledger = Ledger.options(scheduling_strategy=place).remote()
    return ledger, [Teller.remote(ledger) for _ in range(tellers)]
