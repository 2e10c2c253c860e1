# SPDX-License-Identifier: Apache-2.0
"""Hypothesis draws fault plans, finds a bug in a plausible program, and shrinks the plan."""

import random
import time

import hypothesis
import mobula
from hypothesis import given, settings
from mobula import sim
from mobula.faults import KINDS, At, CrashNode, CrashWorker, Plan
from mobula.sim import strategies
from mobula.util.scheduling_strategies import NodeAffinitySchedulingStrategy

NODES = 3


@mobula.remote(num_cpus=0)
class Shop:
    """Sells what it has, on the head node."""

    def __init__(self):
        self.stock = 4

    def sell(self):
        self.stock -= 1
        return self.stock


@mobula.remote(scheduling_strategy="SPREAD", max_retries=-1)
def buy(shop):
    """Wrong: what has been sold is sold again when this is executed again."""
    left = mobula.get(shop.sell.remote())
    time.sleep(0.005)  # It is packed.
    return left


def stock_after_three_sales():
    head = mobula.get_runtime_context().get_node_id()
    place = NodeAffinitySchedulingStrategy(head, soft=False)
    shop = Shop.options(scheduling_strategy=place).remote()
    mobula.get([buy.remote(shop) for _ in range(3)])
    return mobula.get(shop.sell.remote()) + 1


def is_wrong_under(plan):
    with sim.Cluster(nodes=NODES, faults=plan):
        try:
            return stock_after_three_sales() != 1
        except mobula.exceptions.RayError:
            # It is told that something was lost: no wrong answer.
            return False


@settings(max_examples=50, deadline=None)
@given(plan=strategies.plans(nodes=NODES))
def test_plans_are_valid_for_their_cluster(plan):
    assert Plan.parse(plan.to_text()) == plan
    sim.Cluster(nodes=NODES, faults=plan)


def test_every_kind_is_drawn():
    for kind in KINDS.values():
        one = hypothesis.find(
            strategies.faults(kinds=[kind]), lambda fault: True, settings=settings(database=None)
        )
        assert type(one.kind) is kind


def test_a_bug_is_found_and_the_plan_shrinks_to_one_fault():
    assert not is_wrong_under(Plan())
    plan = hypothesis.find(
        strategies.plans(nodes=NODES, kinds=[CrashNode, CrashWorker], horizon=0.02),
        is_wrong_under,
        settings=settings(max_examples=300, deadline=None, database=None),
        random=random.Random(7),
    )
    (fault,) = plan.faults
    assert fault.probability == 1 and fault.after == "0s"
    if isinstance(fault.trigger, At):
        assert isinstance(fault.kind, CrashNode | CrashWorker)
    assert is_wrong_under(plan)
