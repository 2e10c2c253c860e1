# SPDX-License-Identifier: Apache-2.0
# Goal: the commands of an operator make a cluster of several hosts, which runs programs, moves
# objects, takes in hosts that come late and survives those that go.
# Method: hosts are network namespaces; a host is lost by killing all of it, or by its cable.
import contextlib
import re
import subprocess
import sys

from mobula import _daemon
from namespaced_hosts import Hosts, wait_until

TASKS = """
import subprocess
import mobula as ray
ray.init(address="auto")

@ray.remote
def where():
    command = ["ip", "-4", "-o", "address", "show", "eth0"]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()[3]

print(*ray.get([where.options(resources={f"h{n}": 1}).remote() for n in (1, 2, 3)]))
"""

LARGE = """
import time
import numpy
import mobula as ray
ray.init(address="auto")

@ray.remote(resources={"h2": 1})
def make():
    return numpy.arange(100_000_000 // 8)

@ray.remote(resources={"h3": 1})
def total(array):
    return int(array.sum()), array.nbytes

begin = time.monotonic()
print(*ray.get(total.remote(make.remote())))
array = ray.get(make.remote())
print(int(array.sum()), array.nbytes)
"""


def test_tasks_run_on_the_hosts_they_are_for(cluster):
    assert cluster[0].python(TASKS).split() == [f"10.213.7.{n}/24" for n in (1, 2, 3)]
    # Any host's node will do for a driver.
    assert cluster[2].python(TASKS).split() == [f"10.213.7.{n}/24" for n in (1, 2, 3)]


def test_an_object_of_100_mb_crosses_the_network(cluster):
    count = 100_000_000 // 8
    expected = f"{count * (count - 1) // 2} {count * 8}"
    assert cluster[0].python(LARGE).splitlines() == [expected, expected]


def test_init_takes_the_address_of_the_cluster(cluster):
    program = """
import sys, mobula as ray
ray.init(address=sys.argv[1])
print(len(ray.nodes()))
"""
    assert cluster[1].python(program, "10.213.7.1:6379") == "3\n"
    assert cluster[1].python(program, "auto", RAY_ADDRESS="nonsense:1") == "3\n"
    done = cluster[1].run(sys.executable, "-c", program, "10.213.7.9:6379")
    assert "no running node of the cluster at 10.213.7.9:6379" in done.stderr
    assert "mobula start --address=10.213.7.9:6379" in done.stderr


HOLDS = """
import sys, time
import mobula as ray
ray.init(address="auto", namespace=sys.argv[1])

@ray.remote
class Counter:
    def __init__(self): self.count = 0
    def add(self):
        self.count += 1
        return self.count

counter = Counter.options(name="counter", get_if_exists=True).remote()
print(ray.get(counter.add.remote()), ray.get_runtime_context().get_job_id(), flush=True)
time.sleep(60)
"""


def test_drivers_on_several_hosts_are_jobs_with_namespaces_of_their_own(cluster):
    with contextlib.ExitStack() as stack:
        drivers = [
            stack.enter_context(host.driver(HOLDS, space))
            for host, space in zip(cluster, "aba", strict=True)
        ]
        firsts = [driver.stdout.readline().split() for driver in drivers]
    assert len({job for _, job in firsts}) == 3
    counts = [int(count) for count, _ in firsts]
    # The first and the third share an actor, the second has its own.
    assert counts[1] == 1
    assert sorted((counts[0], counts[2])) == [1, 2]


BUSY = """
import time
import mobula as ray
ray.init(address="auto")

@ray.remote
def sleep():
    time.sleep(60)

busy = [sleep.options(resources={"h2": 1}).remote() for _ in range(3)]
never = sleep.options(resources={"unicorn": 1}).remote()
time.sleep(60)
"""


def test_status_shows_nodes_resources_and_what_waits(cluster):
    with cluster[0].driver(BUSY):
        wait_until(lambda: "no node could ever run it" in cluster[1].mobula("status"))
        text = cluster[1].mobula("status")
    assert "Cluster at 10.213.7.1:6379: 3 nodes" in text
    assert re.search(r"10\.213\.7\.1:6379 .* head +0/2", text)
    assert re.search(r"10\.213\.7\.2:\d+ .* alive +1/2", text)
    assert re.search(r"CPU +1 +6\n", text)
    assert re.search(r"h2 +1 +1\n", text)
    assert re.search(r"sleep +CPU: 1, h2: 1 +waits", text)
    assert re.search(r"1 +sleep +CPU: 1, unicorn: 1 +no node could ever run it", text)


WATCH = """
import sys, time
import mobula as ray
ray.init(address="auto")

@ray.remote(max_retries=3)
def slow(seconds):
    time.sleep(seconds)
    return ray.get_runtime_context().get_node_id()

tasks = [slow.options(num_cpus=1, scheduling_strategy="SPREAD").remote(3) for _ in range(6)]
time.sleep(1)
print("running", flush=True)
while sum(node["Alive"] for node in ray.nodes()) == 3:
    time.sleep(0.01)
print("noticed", flush=True)
print(len(ray.get(tasks)), flush=True)
"""


def _lose(hosts, lose):
    """Seconds until a lost host is noticed, and until its tasks have been run elsewhere."""
    head, *others = hosts
    head.start_head()
    for host in others:
        host.join(head)
    with head.driver(WATCH) as driver:
        assert driver.stdout.readline() == "running\n"
        lose(others[1])
        noticed = wait_until(lambda: driver.stdout.readline() == "noticed\n")
        recovered = wait_until(lambda: driver.stdout.readline() == "6\n")
    print(f"noticed after {noticed:.2f} s, recovered {recovered:.2f} s later")
    return noticed


def test_the_tasks_of_a_host_that_loses_its_power_run_elsewhere(three_hosts):
    assert _lose(three_hosts, lambda host: host.kill()) < 2


ALIVE = """
import mobula as ray
ray.init(address="auto")
print(sum(node["Alive"] for node in ray.nodes()))
"""


def test_a_host_whose_cable_was_out_comes_back_as_a_new_node(three_hosts):
    head, _, lost = three_hosts
    assert _lose(three_hosts, lambda host: host.cut()) < 2.5
    before = lost.record()["node_id"]
    lost.heal()
    wait_until(lambda: lost.record()["node_id"] != before)
    assert lost.python(ALIVE) == "3\n"
    assert "dead" in head.mobula("status")


def test_how_long_a_host_may_be_silent_can_be_said(two_hosts):
    head, lost = two_hosts
    head.start_head("--node-timeout-ms=5000", "--suspicion-timeout-ms=4500")
    lost.join(head)
    lost.kill()
    assert wait_until(lambda: head.python(ALIVE) == "1\n") > 3.5
    for option in ("--node-timeout-ms=5000", "--suspicion-timeout-ms=5"):
        refused = lost.try_mobula("start", f"--address={head.address}:6379", option)
        assert refused.returncode == 2
        assert "is for the head" in refused.stderr


LATE = """
import mobula as ray
ray.init(address="auto")

@ray.remote(resources={"late": 1})
def there():
    return "ran there"

task = there.remote()
print("submitted", flush=True)
print(ray.get(task), flush=True)
"""


def test_a_host_that_comes_late_takes_what_waits(two_hosts):
    head, late = two_hosts
    head.start_head()
    with head.driver(LATE) as driver:
        assert driver.stdout.readline() == "submitted\n"
        late.join(head, '--resources={"late": 1}')
        assert driver.stdout.readline() == "ran there\n"


def test_stop_ends_the_node_of_this_host_only(two_hosts):
    head, other = two_hosts
    head.start_head()
    other.join(head)
    pids = [host.record()["pid"] for host in two_hosts]
    assert other.mobula("stop") == f"stopped the node {other.record()['node_address']}\n"
    assert "1 node, 1 gone" in head.mobula("status")
    assert head.mobula("stop") == "stopped the head 10.213.7.1:6379\n"
    assert "no node of this user" in head.mobula("stop")
    # Whose parent is gone may stay a zombie for a while.
    assert not any(_daemon.is_running(pid) for pid in pids)


def test_hosts_are_gone_when_a_test_ends(kernel, tmp_path):
    with Hosts(1, tmp_path) as (host,):
        assert host.name in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    assert host.name not in subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
