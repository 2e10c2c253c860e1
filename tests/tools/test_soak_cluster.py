# SPDX-License-Identifier: Apache-2.0
# Goal: the soak's plans leave a cluster that can recover, and its verdict tells growth from noise.
import pathlib
import random
import sys
import types

import pytest
from mobula.faults import CrashGcs, CrashNode, CrashWorker, Partition, PauseNode, Plan

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def soak():
    sys.path[:0] = [str(_ROOT / "tools")]
    try:
        from soak_cluster import plan, watch
    finally:
        del sys.path[0]
    return types.SimpleNamespace(plan=plan, watch=watch)


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_leaves_the_driver_and_enough_others(soak, seed):
    plan = soak.plan.draw(seed, 600)
    assert plan == soak.plan.draw(seed, 600)
    assert Plan.parse(plan.to_text()) == plan
    assert {type(fault.kind) for fault in plan.faults} == {
        *(CrashGcs, CrashNode, CrashWorker, Partition, PauseNode)
    }
    away = []
    for fault in plan.faults:
        at = soak.plan._seconds(fault.trigger.at)
        assert 0 < at <= 600 - soak.plan.QUIET_S
        kind = fault.kind
        if isinstance(kind, CrashNode):
            assert kind.node in ("n3", "n4", "n5")
            away.append((at, at + soak.plan._seconds(kind.restart_after), kind.node))
        elif isinstance(kind, PauseNode):
            assert kind.node in ("n3", "n4", "n5")
            away.append((at, at + soak.plan._seconds(kind.lasts), kind.node))
        elif isinstance(kind, Partition):
            lasts = soak.plan._seconds(kind.lasts)
            # The driver's node and the head must not be declared dead.
            if kind.a[0] in ("n1", "n2"):
                assert lasts <= soak.plan.FLAP_S[1]
            away.append((at, at + lasts, kind.a[0]))
    for begin, _, _ in away:
        gone = {node for first, last, node in away if first <= begin < last}
        assert len(gone & {"n3", "n4", "n5"}) <= 2


def _findings(watch, memory):
    seen = watch.Watch.__new__(watch.Watch)
    seen.samples = {
        ("n1", 7): [watch.Sample(2.0 * i, int(mib * 2**20), 30) for i, mib in enumerate(memory)]
    }
    assert "n1" in seen.table()
    return seen.findings()


def test_memory_that_grows_is_found_and_noise_is_not(soak):
    chance = random.Random(1)
    noise = [100 + chance.uniform(-20, 20) for _ in range(100)]
    assert _findings(soak.watch, noise) == []
    warming_up = [min(100, 20 + 5 * i) for i in range(100)]
    assert _findings(soak.watch, warming_up) == []
    (found,) = _findings(soak.watch, [50 + i for i in range(100)])
    assert found.startswith("the daemon 7 of n1 grew from 99.0 to ")
    # A short life says nothing.
    assert _findings(soak.watch, [50 + 10 * i for i in range(20)]) == []
