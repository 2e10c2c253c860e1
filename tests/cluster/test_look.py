# SPDX-License-Identifier: Apache-2.0
# Goal: an operator sees from any host what is where in the cluster, and what is wrong with a host.
import json
import pathlib
import re
import sys

import pytest
from namespaced_hosts import kill_tree, wait_until

PROGRAM = """
import time
import numpy
import mobula as ray
ray.init(address="auto", namespace="space")

@ray.remote(resources={"h2": 1}, num_cpus=0)
def busy():
    print("hello from the task", flush=True)
    time.sleep(60)

@ray.remote(resources={"h3": 1}, num_cpus=0)
class Keeper:
    def make(self):
        return numpy.ones(1_000_000)

keeper = Keeper.options(name="keeper").remote()
there = keeper.make.remote()
ray.wait([there], fetch_local=False)
here = ray.put(numpy.ones(2_000_000))
tasks = [busy.remote() for _ in range(3)]
group = ray.util.placement_group([{"CPU": 1}] * 2, strategy="STRICT_SPREAD", name="pair")
assert group.wait(10)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def busy(cluster):
    """The three hosts, with a program that has something of everything."""
    with cluster[0].driver(PROGRAM) as driver:
        assert driver.stdout.readline() == "ready\n"
        wait_until(lambda: len(_rows(cluster[1], "tasks")) == 2)
        yield cluster


def _rows(host, what, *options):
    return json.loads(host.mobula("list", what, "--json", *options))


def test_tasks_are_those_that_run_and_those_that_wait(busy):
    running, waiting = _rows(busy[1], "tasks")
    assert (running["name"], running["state"], running["node"].split(":")[0]) == (
        "busy",
        "RUNNING",
        "10.213.7.2",
    )
    assert (waiting["name"], waiting["state"], waiting["count"]) == ("busy", "PENDING", 2)
    assert waiting["waits_for"] == "h2: 1"


def test_nodes_actors_and_jobs(busy):
    nodes = _rows(busy[2], "nodes")
    assert sorted(node["address"].split(":")[0] for node in nodes) == [
        f"10.213.7.{n}" for n in (1, 2, 3)
    ]
    assert [node["is_head"] for node in nodes].count(True) == 1
    (actor,) = _rows(busy[2], "actors", "--filter", "state=ALIVE")
    assert (actor["class_name"], actor["name"], actor["namespace"]) == ("Keeper", "keeper", "space")
    assert actor["node"] == busy[2].record()["node_address"]
    (job,) = _rows(busy[2], "jobs", "--filter", "state=running")
    assert job["job_id"] == actor["job_id"]
    assert job["node_id"] == busy[0].record()["node_id"]


def test_placement_groups_say_where_they_are(busy):
    (group,) = _rows(busy[2], "placement-groups")
    assert (group["name"], group["namespace"], group["state"]) == ("pair", "space", "CREATED")
    assert (group["strategy"], group["bundles"]) == ("STRICT_SPREAD", "CPU: 1; CPU: 1")
    addresses = {host.record()["node_address"] for host in busy}
    assert set(group["nodes"].split()) < addresses
    assert len(group["nodes"].split()) == 2
    assert "pair" in busy[1].mobula("list", "placement-groups")


def test_the_time_line_has_what_runs_on_all_nodes(busy, tmp_path):
    file = tmp_path / "line.json"
    assert "executions of 3 nodes" in busy[2].mobula("timeline", str(file))
    events = json.loads(file.read_text())
    nodes = {event["pid"]: event["args"]["name"] for event in events if event["tid"] == 0}
    spans = {(nodes[event["pid"]], event["name"]) for event in events if event["ph"] == "X"}
    there = [f"node {host.record()['node_address']}" for host in busy]
    assert {(there[1], "busy"), (there[2], "Keeper.make")} <= spans


def test_workers_of_all_nodes(busy):
    rows = _rows(busy[1], "workers")
    states = {(row["state"], row["node"].split(":")[0], row["runs"]) for row in rows}
    assert ("driver", "10.213.7.1", "") in states
    assert ("leased", "10.213.7.2", "busy") in states
    assert any(state == "actor" and node == "10.213.7.3" for state, node, _ in states)
    assert all(pathlib.Path(f"/proc/{row['pid']}").exists() for row in rows)


def test_objects_say_where_they_are_and_whose(busy):
    here, there = _rows(busy[1], "objects")
    assert here["bytes"] > 16_000_000 > there["bytes"] > 8_000_000
    assert (here["node"], there["node"].split(":")[0]) == ("10.213.7.1:6379", "10.213.7.3")
    assert {here["place"], there["place"]} == {"memory"}
    # Of the driver both, who called put and the method.
    assert here["owner"] == there["owner"]
    assert here["owner"].startswith("driver pid ")
    text = busy[1].mobula("memory")
    assert re.search(r"10\.213\.7\.1:6379 +1 +15\.3 MiB +400\.0 MiB +0 B", text)
    assert "22.9 MiB" in text.split("Owners")[1]


def test_tables_are_for_people(busy):
    text = busy[1].mobula("list", "tasks")
    assert text.split("\n")[0].split() == ["Name", "State", "Count", "Node", "Pid", "Waits", "for"]
    assert busy[1].mobula("list", "tasks", "--filter", "name=none") == (
        "there are no tasks of that kind\n"
    )
    assert "... and 2 more; see --limit" in busy[1].mobula("list", "nodes", "--limit", "1")
    wrong = busy[1].try_mobula("list", "tasks", "--filter", "nome=none")
    assert "there is no 'nome'; there are: name, state, count" in wrong.stderr
    assert "expected KEY=VALUE" in busy[1].try_mobula("list", "tasks", "--filter", "name").stderr


def test_logs_of_any_node_can_be_read_and_followed(busy):
    head, _, other = busy
    assert "mobulad.log" in other.mobula("logs")
    assert "joined with" in other.mobula("logs", "mobulad.log")
    assert other.mobula("logs", "mobulad.log", "--lines", "1").count("\n") == 1
    node = busy[1].record()["node_address"]
    (worker,) = _rows(other, "workers", "--filter", f"node={node}", "--filter", "state=leased")
    file = f"worker-{worker['worker_id']}.out"
    assert other.mobula("logs", file, "--node", node) == "hello from the task\n"
    assert f"has no log '{file}'" in other.try_mobula("logs", file).stderr
    assert "no living nodes are called 'h9'" in other.try_mobula("logs", "--node", "h9").stderr
    log = pathlib.Path(head.record()["session_dir"]) / "logs" / "mobulad.log"
    follower = other.start(sys.executable, "-m", "mobula", "logs", "-f", "--lines", "1", log.name)
    try:
        follower.stdout.readline()
        with log.open("a") as file:
            file.write("one more line\n")
        assert follower.stdout.readline() == "one more line\n"
    finally:
        kill_tree(follower.pid)
        follower.communicate()


def test_a_node_that_does_not_answer_is_left_out(three_hosts):
    head, *others = three_hosts
    head.start_head()
    for host in others:
        host.join(head)
    others[1].kill()
    # Until it is noticed, it counts as alive.
    done = head.try_mobula("list", "workers")
    assert done.returncode == 0
    assert "left out: the node at 10.213.7.3:" in done.stderr or "10.213.7.3" not in done.stdout


def test_the_doctor_finds_a_healthy_host_healthy(cluster):
    text = cluster[1].mobula("doctor", "--address=10.213.7.1:6379")
    assert "bad" not in text
    assert "the node at 10.213.7.2:" in text
    assert "the cluster at 10.213.7.1:6379 answers; living nodes: 3" in text
    assert "for --node-ip-address this host has 10.213.7.2" in text


def test_the_doctor_says_what_is_wrong(two_hosts, tmp_path):
    sick, head = two_hosts
    head.start_head()
    taken = sick.start(
        "python3",
        "-c",
        "import socket, time\n"
        "s = socket.create_server(('', 6379)); print(flush=True); time.sleep(60)",
    )
    taken.stdout.readline()
    folder = tmp_path / "file"
    folder.write_text("")
    try:
        done = sick.run(
            *("bash", "-c", 'ulimit -n 100; ulimit -f 1000000; exec "$0" -m mobula doctor "$@"'),
            *(sys.executable, "--address=10.213.7.2:6379"),
            MOBULA_TMPDIR=str(folder / "below"),
        )
    finally:
        kill_tree(taken.pid)
        taken.communicate()
    assert done.returncode == 1
    for finding in (
        "port 6379, which the head takes by default, cannot be used: Address already in use",
        "100 open files are allowed at most; a node needs 4096",
        "files may have 976.6 MiB at most",
        "session folders cannot be made",
        "the cluster at 10.213.7.2:6379 cannot be asked",
        "-> the cluster at 10.213.7.2:6379 refuses: this cluster wants a token",
        "-> raise the hard limit",
    ):
        assert finding in done.stdout, done.stdout + done.stderr
