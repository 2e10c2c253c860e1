# SPDX-License-Identifier: Apache-2.0
# Goal: with --storage a cluster survives the loss of its head's host: what lives elsewhere goes on,
# and a head that is started again, here or on another host that takes over the address, knows it.
import contextlib
import time

from namespaced_hosts import Host, kill_tree, wait_until

MAKE = """
import mobula as ray
ray.init(address="auto", namespace="space")

@ray.remote(resources={"there": 1}, num_cpus=0)
class Counter:
    def __init__(self):
        self.count = 0
    def add(self):
        self.count += 1
        return self.count

counter = Counter.options(name="counter", lifetime="detached").remote()
print(ray.get(counter.add.remote()))
"""

USE = """
import mobula as ray
ray.init(address="auto", namespace="space")
print(ray.get(ray.get_actor("counter").add.remote()))
"""


@contextlib.contextmanager
def _redis(host):
    """A server on a host; its URL, without the password."""
    # See tests/runtime/host/redis_server.h.
    program = host.folder / "redis-server"
    program.symlink_to("/usr/bin/redis-check-rdb")
    server = host.start(
        *(str(program), "--bind", host.address, "--port", "7777", "--requirepass", "secret"),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
    )
    try:
        wait_until(lambda: "7777" in host.run("ss", "-ltnH").stdout)
        yield f"redis://{host.address}:7777"
    finally:
        kill_tree(server.pid)
        server.communicate()


def _members(host):
    done = host.try_mobula("list", "nodes", "--json", "--filter", "state=ALIVE")
    return done.stdout.count('"node_id"') if done.returncode == 0 else 0


def _cluster(head, other, storage, **variables):
    head.start_head(f"--storage={storage}", **variables)
    other.join(head, '--resources={"there": 1}')
    assert other.python(MAKE) == "1\n"


def test_a_head_that_is_started_again_knows_its_cluster(two_hosts, tmp_path):
    head, other = two_hosts
    storage = tmp_path / "log"
    _cluster(head, other, storage)
    token = head.token()
    head.kill()
    time.sleep(3)
    begin = time.monotonic()
    head.start_head(f"--storage={storage}", MOBULA_TOKEN=token)
    wait_until(lambda: _members(head) == 2)
    print(f"the cluster is whole {time.monotonic() - begin:.2f} s after the head's start")
    assert other.python(USE) == "2\n"
    assert head.python(USE) == "3\n"


def test_a_head_comes_back_on_another_host_that_takes_its_address(three_hosts):
    head, other, spare = three_hosts
    with _redis(other) as url:
        _cluster(head, other, url, MOBULA_REDIS_PASSWORD="secret")
        token = head.token()
        head.remove()
        spare.take_address(head, [other])
        begin = time.monotonic()
        successor = Host(spare.name, None, None, head.address, spare.folder)
        successor.start_head(f"--storage={url}", MOBULA_TOKEN=token, MOBULA_REDIS_PASSWORD="secret")
        wait_until(lambda: _members(successor) == 2)
        print(f"the cluster is whole {time.monotonic() - begin:.2f} s after the address moved")
        assert other.python(USE) == "2\n"
        assert successor.python(USE) == "3\n"
