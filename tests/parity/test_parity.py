# SPDX-License-Identifier: Apache-2.0
"""The same program and the same fault plan end alike in the simulator and on real processes.

Compared are the program's output (answers, or names of documented errors), that the faults
happened, and that at least so many tasks were executed again where the plan makes that certain.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys

import mobula
import pytest

HERE = pathlib.Path(__file__).parent
PACKAGE = str(pathlib.Path(mobula.__file__).parents[1])
NODES = 3
# n2 and n3 share a rack.
LABELS = ("--label=n2:rack=r1", "--label=n3:rack=r1")
TIMEOUT_S = 180

FAN_OUT = f"{[i * i for i in range(9)]}\n[5, 14, 29, 50, 77, 110, 149]\n"
COUNTED = f"{[1, 2, 3, 4, 5]}\n" * 2
DOUBLED = f"{[(2 << 20, seed, seed) for seed in range(3)]}\n"

SPILLED = f"{sum(range(24))}\n"
SMALL_STORE = (f"--object-store-memory={8 << 20}",)


@dataclasses.dataclass(frozen=True)
class Pair:
    program: str
    plan: str
    output: str
    # Texts of both reports.
    told: tuple[str, ...]
    # At least.
    executed_again: int = 0
    options: tuple[str, ...] = ()


PAIRS = [
    Pair("fan_out", "crash_node", FAN_OUT, ("n2 crashed", "n2 restarts"), 1),
    Pair("fan_out", "crash_rack", FAN_OUT, ("n2 crashed", "n3 crashed", "n3 restarts"), 1),
    Pair("fan_out", "crash_silent", FAN_OUT, ("n3 crashed", "n3 is dead: it was silent"), 1),
    Pair("fan_out", "crash_restart", FAN_OUT, ("n2 crashed", "n2 is dead", "n2 restarts"), 1),
    Pair("fan_out", "crash_worker", FAN_OUT, ("crashed: killed by the fault plan",), 1),
    Pair("fan_out", "crash_gcs", FAN_OUT, ("the GCS crashed",)),
    Pair("counter", "crash_gcs", COUNTED, ("the GCS crashed",)),
    Pair("counter", "disk_slow", COUNTED, ("bad disk of n1",)),
    Pair("spill", "disk_full", "OutOfDiskError\n", ("bad disk of n1",), options=SMALL_STORE),
    Pair("spill", "disk_fails", SPILLED, ("bad disk of n1", "healed"), options=SMALL_STORE),
    Pair("fan_out", "pause_node", FAN_OUT, ("n2 stands still",)),
    Pair("fan_out", "pause_worker", FAN_OUT, ("on n2 stands still",)),
    Pair("fan_out", "slow_cpu", FAN_OUT, ("the CPUs of n2 take 3 times",)),
    Pair("fan_out", "clock_drift", FAN_OUT, ("the clock of n2", "the clock of n3")),
    Pair("fan_out", "partition_short", FAN_OUT, ("nothing gets from n3 to n1", "healed")),
    Pair("fan_out", "partition_long", FAN_OUT, ("nothing gets from n3", "n3 is dead"), 1),
    Pair("fan_out", "link_fault", FAN_OUT, ("bad links from n1, n2, n3",)),
    Pair("lineage", "narrow_links", DOUBLED, ("bad links from n2 to n1, n3",)),
    Pair("lineage", "lose_objects", DOUBLED, ("n2 crashed",), 3),
    Pair("no_retries", "crash_fragile", "WorkerCrashedError\n2\n", ("killed by the fault plan",)),
    Pair(
        "counter",
        "actor_crash",
        "[1, 2, 1, 2, 3]\n[1, 2, 'ActorDiedError', 'ActorDiedError', 'ActorDiedError']\n",
        ("on n2 crashed", "on n3 crashed"),
    ),
    Pair("owner", "actor_started", "OwnerDiedError\n", ("on n2 crashed",)),
]


def run(command: str, pair: Pair) -> tuple[str, str]:
    """The program's output and the report of one world."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mobula", command),
            *LABELS,
            *pair.options,
            *(f"--nodes={NODES}", f"--faults={HERE / 'plans' / pair.plan}.textproto", "--seed=7"),
            str(HERE / "programs" / f"{pair.program}.py"),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": PACKAGE},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.program}-{pair.plan}")
@pytest.mark.parametrize("world", ["sim", "run"])
def test_both_worlds_end_alike(world: str, pair: Pair) -> None:
    output, report = run(world, pair)
    assert output == pair.output, report
    for text in pair.told:
        assert text in report
    assert report.count("executed again: ") >= pair.executed_again, report
