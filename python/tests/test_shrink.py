# SPDX-License-Identifier: Apache-2.0
"""Plans shrink to what a failure needs, in a bounded number of runs.

Method: instead of a simulation, a rule says under which plans something fails.
"""

import pytest
from mobula._shrink import Shrinker, simpler_plans
from mobula.faults import At, CrashNode, CrashWorker, Every, On, Partition, PauseNode, Plan

CRASH = CrashNode(node="n2")
NOISE = [
    At("2s").then(PauseNode(node="n3", lasts="1s")),
    Every("10ms").then(CrashWorker(node="any"), probability=0.1),
    At("0.7s").then(Partition(a="n1", b="n3", lasts="3s")),
    At("3s").then(CrashNode(node="n3", restart_after="1s")),
]


def shrink(plan, fails, runs=500, batch=1):
    asked = []

    def check(plans):
        asked.extend(plans)
        return [fails(one) for one in plans]

    shrinker = Shrinker(check, runs=runs, batch=batch)
    smallest = shrinker.shrink(plan)
    assert shrinker.runs == len(asked) <= runs
    assert len(set(asked)) == len(asked), "a plan was tried twice"
    return smallest


@pytest.mark.parametrize("batch", [1, 4])
def test_what_has_no_part_in_the_failure_is_dropped(batch):
    needed = At("0s").then(CRASH)
    plan = Plan([*NOISE[:2], needed, *NOISE[2:]])
    assert shrink(plan, lambda one: needed in one.faults, batch=batch) == Plan([needed])


def test_faults_that_only_fail_together_stay_together():
    first, second = At("0s").then(CRASH), At("0s").then(PauseNode(node="n3", lasts="1ms"))
    plan = Plan([NOISE[0], first, NOISE[1], second, NOISE[3]])
    smallest = shrink(plan, lambda one: {first, second} <= set(one.faults))
    assert smallest == Plan([first, second])


def test_times_get_as_small_as_they_can_and_lose_their_digits():
    plan = Plan([At("1234567us").then(CRASH)])

    def crashes_late(one):
        return (
            len(one) == 1
            and int(one.faults[0].trigger.at.removesuffix("ns").rstrip("msu"))
            and (crash_time(one) >= 0.25)
        )

    smallest = shrink(plan, crashes_late)
    assert 0.25 <= crash_time(smallest) <= 0.31
    assert len(smallest.faults[0].trigger.at) <= 6


def crash_time(plan):
    text = plan.faults[0].trigger.at
    for unit, size in (("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("s", 1)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * size
    raise AssertionError(text)


def test_conditions_and_chance_go_when_they_are_not_needed():
    plan = Plan(
        [
            On(message="PushTask", from_="n1", to="n2", count=9).then(
                CrashNode(node="n2", silent=True, restart_after="2s"), probability=0.5, after="1s"
            )
        ]
    )

    def fails(one):
        return any(
            isinstance(fault.trigger, On) and fault.trigger.count >= 3 for fault in one.faults
        )

    (fault,) = shrink(plan, fails).faults
    assert fault.trigger.count == 3
    assert fault.kind == CRASH
    assert (fault.probability, fault.after) == (1, "0s")


def test_the_bound_on_runs_holds():
    plan = Plan([*NOISE, At("0s").then(CRASH)])
    shrunk = shrink(plan, lambda one: len(one) >= 1, runs=3, batch=2)
    assert 1 <= len(shrunk) < len(plan)
    assert shrink(plan, lambda one: True, runs=0) == plan


def test_steps_give_valid_plans_only_and_end():
    plan, steps = Plan([*NOISE, At("0s").then(CRASH)]), 0
    while (smaller := next(iter(simpler_plans(plan)), None)) is not None and len(plan):
        assert Plan.parse(smaller.to_text()) == smaller
        plan, steps = smaller, steps + 1
        assert steps < 100
    assert len(plan) == 0
