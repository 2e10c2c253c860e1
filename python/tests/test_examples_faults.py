# SPDX-License-Identifier: Apache-2.0
"""The examples under faults: the right answer or, where state may be lost, a documented error."""

import pathlib
import re

import pytest
from mobula import exceptions, sim
from mobula.faults import (
    At,
    ClockDrift,
    CrashNode,
    CrashWorker,
    Every,
    LinkFault,
    On,
    Partition,
    PauseNode,
    PauseWorker,
    Plan,
    SlowCpu,
)

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))
assert PROGRAMS
# What loses nothing: every program must give its answer.
GENTLE = Plan(
    [
        At(0).then(
            LinkFault(
                from_="n1", both_ways=True, jitter="5ms", loss=0.1, duplicate=0.1, reorder=0.1
            )
        ),
        On(event="TASK_STARTED", count=3).then(PauseNode(node="n2", lasts="0.5s")),
        On(event="TASK_FINISHED", count=2).then(PauseWorker(node="n3", lasts="2s")),
        On(message="PushTask", to="n2", count=2).then(Partition(a="n2", b="n3", lasts="0.4s")),
        At(0).then(SlowCpu(node="n3", factor=5)),
        At(0).then(ClockDrift(node="n2", rate=1.1)),
    ]
)
# What loses processes and nodes, and with them the state of actors.
ROUGH = Plan(
    [
        Every("40ms", until="1s").then(CrashWorker(node="any"), probability=0.3),
        On(event="TASK_FINISHED", count=5).then(CrashNode(node="n2", restart_after="1s")),
        At("150ms").then(Partition(a="n3", lasts="3s")),
    ]
)
# They have tasks only, or actors that may be restarted.
WITHOUT_STATE = ("tour", "word_count")


def run(program, plan, seed):
    return sim.run(
        program, nodes=3, cpus=2, seed=seed, faults=plan, check_invariants=True, timeout=120
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_faults_that_lose_nothing_change_no_answer(program, seed):
    result = run(program, GENTLE, seed)
    assert result.returncode == 0, result.report
    assert not re.search(r"executed again", result.report) or "is dead" in result.report


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_faults_that_lose_state_end_in_the_answer_or_a_documented_error(program, seed):
    result = run(program, ROUGH, seed)
    if result.returncode != 0:
        assert program.stem not in WITHOUT_STATE, result.report
        names = re.findall(r"^mobula\.exceptions\.(\w+):", result.report, re.MULTILINE)
        assert names and set(names) <= set(exceptions.__all__), result.report
