# SPDX-License-Identifier: Apache-2.0
"""mobula.faults: plans made in Python, and in files; what is wrong with some; runs under them."""

import dataclasses
import pathlib

import pytest
from mobula import faults, sim
from mobula.faults import At, CrashNode, CrashWorker, Every, LinkFault, On, Partition, Plan

PROGRAMS = pathlib.Path(__file__).parent / "sim_programs"

OF_EACH_KIND = [
    CrashNode(node="n2", silent=True, restart_after="2s"),
    faults.RestartNode(node="n2"),
    CrashWorker(node="any", running="train"),
    faults.PauseNode(node="rack=r1", lasts=1.5),
    faults.PauseWorker(node="all", running="Actor.method", lasts="20ms"),
    faults.SlowCpu(node="n3", factor=2.5, lasts="1s"),
    faults.ClockDrift(node="n3", rate=1.01),
    Partition(a=["n1", "n2"], b=["n3"], one_way=True, lasts="3s"),
    Partition(a="n2"),
    faults.CrashGcs(restart_after="1s", new_disk=True, lose_unsynced=True),
    faults.DiskFault(node="n1", mode="SLOW", delay="5ms", lasts="1s"),
    LinkFault(
        from_="n1", to=["n2", "n3"], both_ways=True, delay="1ms", jitter="2ms", loss=0.1,
        duplicate=0.2, reorder=0.3, reorder_by="5ms", bytes_per_second=1e6, lasts="1s",
    ),
]  # fmt: skip
OF_EACH_TRIGGER = [
    At("1.5s"),
    At(0.25),
    Every("100ms", until="5s"),
    On(message="PushTask", from_="n1", to="n2", count=2),
    On(event="TASK_STARTED", name="train"),
    On(event="NODE_DIED", from_="n3", count=1),
]


def plan_of_everything():
    plan = [At("1s").then(kind) for kind in OF_EACH_KIND]
    plan += [trigger.then(CrashNode(node="n2")) for trigger in OF_EACH_TRIGGER]
    plan.append(Every(0.1).then(CrashWorker(node="any"), probability=0.05, times=3, after="1ms"))
    return Plan(plan)


def test_every_kind_of_the_schema_has_a_class():
    assert {type(kind) for kind in OF_EACH_KIND} == set(faults.KINDS.values())


@pytest.mark.parametrize("name", ["plan.textproto", "plan.json"])
def test_files_give_back_equal_plans(tmp_path, name):
    plan = plan_of_everything()
    plan.dump(tmp_path / name)
    loaded = Plan.load(tmp_path / name)
    assert loaded == plan
    assert hash(loaded) == hash(plan)
    assert eval(repr(loaded), vars(faults)) == plan


def test_times_are_text_or_seconds():
    assert At(1.5) == At("1.5s") == At("1500ms")
    assert CrashNode(node="n2", restart_after=2).restart_after == "2s"
    for wrong in ("soon", "5", -1):
        with pytest.raises(ValueError, match="expected a time"):
            At(wrong)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fault {\n  at: 1s\n}", r"^x:2: "),
        ('fault {\n  at: "1s"\n  crash_knode { node: "n2" }\n}', r"^x:3: .*crash_knode"),
        ('fault { at: "soon" crash_node { node: "n2" } }', r"^x:1: .*as in 0\.5s"),
        (
            'fault {\n  at: "1s"\n  probability: -0.5\n  crash_node { node: "n2" }\n}',
            r"^x:3: .*from 0 to 1",
        ),
        ('fault {\n  crash_node { node: "n2" }\n}', r"^x:1: .*exactly one of at, on and every"),
        (
            'fault {\n on {\n  message: "PushTusk"\n }\n crash_node { node: "n2" }\n}',
            r"^x:3: .*PushTusk",
        ),
    ],
)
def test_wrong_files_are_refused_with_the_line_and_what_was_expected(text, told):
    with pytest.raises(ValueError, match=told):
        Plan.parse(text, file="x")


def test_wrong_plans_are_refused_when_they_are_made():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Plan([At(1).then(CrashNode(node="n2"), probability=2)])
    with pytest.raises(TypeError):
        CrashNode("n2")
    with pytest.raises(dataclasses.FrozenInstanceError):
        CrashNode(node="n2").node = "n3"


def test_programs_run_under_plans():
    plan = Plan([On(event="TASK_STARTED", count=2).then(CrashNode(node="n2", restart_after=1))])
    first, again = (
        sim.run(PROGRAMS / "crash.py", nodes=3, cpus=2, faults=plan, seed=3) for _ in range(2)
    )
    assert first.output == "OK\n", first.report
    assert "n2 crashed" in first.report and "n2 restarts" in first.report
    assert first == again


def test_several_plan_files_and_short_forms_all_happen(tmp_path):
    Plan([At("0.3s").then(CrashNode(node="n2"))]).dump(tmp_path / "a.textproto")
    Plan([At("0.4s").then(CrashWorker(node="n1"))]).dump(tmp_path / "b.json")
    files = [tmp_path / "a.textproto", tmp_path / "b.json"]
    result = sim.run(PROGRAMS / "crash.py", nodes=4, cpus=2, faults=files, crash=["n3@0.5s"])
    assert result.output == "OK\n", result.report
    for told in ("n2 crashed", "n3 crashed", "killed by the fault plan"):
        assert told in result.report


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('fault { at: "1s"\n crash_node { node: "n9" } }', "plan.textproto:2: "),
        ('fault { at: "1s"\n crash_node { node: "n1" } }', "plan.textproto:2: "),
        ("fault {", "plan.textproto:1: "),
    ],
)
def test_a_plan_for_other_nodes_is_refused(tmp_path, text, told):
    (tmp_path / "plan.textproto").write_text(text)
    result = sim.run(PROGRAMS / "tasks.py", nodes=3, faults=tmp_path / "plan.textproto")
    assert result.returncode == 2
    assert told in result.report
    assert result.output == ""


def test_a_cluster_in_a_with_statement_takes_plans():
    import mobula

    plan = Plan([At("10ms").then(CrashNode(node="n2"))])
    with sim.Cluster(nodes=2, faults=plan) as cluster:
        mobula.init()
        cluster.advance(1)
        assert cluster.report["node_crashes"] == 1
        cluster.heal()
        cluster.advance(1)
        assert "n2 restarts" in cluster.report["text"]
        cluster.inject(faults.PauseNode(node="n2", lasts="1s"))
