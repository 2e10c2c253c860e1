# SPDX-License-Identifier: Apache-2.0
# Goal: one file and one command make a cluster of hosts, run programs there, and end it.
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml
from namespaced_hosts import Hosts, kill_tree, wait_until

_MOBULA = f"{sys.executable} -m mobula"
_SMALL = "--num-cpus=1 --object-store-memory=100000000 --dashboard-port=-1"
_ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
import mobula as ray
ray.init()

@ray.remote
def where(path):
    return open(path).read(), ray.util.get_node_ip_address()

on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
calls = [where.options(scheduling_strategy=on(node["NodeID"], soft=False)).remote(sys.argv[1])
         for node in ray.nodes()]
texts, places = zip(*ray.get(calls))
print(sorted(set(texts)), sorted(set(places)))
sys.exit(7)
"""


def _commands():
    return {
        "mobula": _MOBULA,
        "head_start_ray_commands": [
            f"{_MOBULA} start --head --node-ip-address=$RAY_HEAD_IP {_SMALL}"
        ],
        "worker_start_ray_commands": [f"{_MOBULA} start --address=$RAY_HEAD_IP:6379 {_SMALL}"],
    }


def _write(path, fields):
    path.write_text(yaml.safe_dump(fields))
    return str(path)


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mobula", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{_ROOT / 'python'}:{_ROOT / 'tests' / 'cluster'}"},
    )


def _check_cluster(run, file, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = run("exec", file, *_MOBULA.split(), "list", "nodes")
    assert done.stdout.count("ALIVE") == 3, done.stdout + done.stderr
    done = run("submit", file, str(program), str(tmp_path / "there" / "text"))
    assert done.returncode == 7, done.stdout + done.stderr
    assert "['mounted'] ['10.213.7.1', '10.213.7.2', '10.213.7.3']" in done.stdout


def test_up_and_down_on_hosts_of_a_provider(kernel, tmp_path):
    (tmp_path / "text").write_text("mounted")
    file = _write(
        tmp_path / "cluster.yaml",
        {
            "cluster_name": f"launch-{os.getpid()}",
            "provider": {
                "type": "external",
                "module": "namespace_provider.Namespaces",
                "count": 3,
                "folder": str(tmp_path / "hosts"),
            },
            "file_mounts": {str(tmp_path / "there" / "text"): str(tmp_path / "text")},
            "setup_commands": [f"test -e {tmp_path}/there/text"],
            **_commands(),
        },
    )
    try:
        done = _run("up", file)
        assert done.returncode == 0, done.stderr
        assert "The cluster runs at 10.213.7.1:6379." in done.stdout
        # The token is nobody's to see.
        token = next((tmp_path / "hosts" / "h1").glob("session_*/token")).read_text()
        assert token.strip() not in done.stdout + done.stderr
        _check_cluster(_run, file, tmp_path)
    finally:
        done = _run("down", file)
    assert "10.213.7.1: stopped the head" in done.stdout
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    assert f"launch-{os.getpid()}" not in listed


@pytest.fixture
def hosts_with_ssh(kernel, tmp_path):
    """Three hosts with an ssh server on each; the options that a cluster file needs for them."""
    server = shutil.which("sshd") or "/usr/sbin/sshd"
    if not os.path.exists(server):
        pytest.skip("the ssh server is missing: apt-get install openssh-server")
    os.makedirs("/run/sshd", exist_ok=True)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with Hosts(3, tmp_path) as hosts:
        servers = []
        for host in hosts:
            environment = host.environment()
            config = host.folder / "sshd_config"
            config.write_text(
                f"HostKey {key}\nAuthorizedKeysFile {key}.pub\nStrictModes no\nUsePAM no\n"
                f"PermitRootLogin yes\nPidFile none\nPort 2222\n"
                f"SetEnv PYTHONPATH={environment['PYTHONPATH']} "
                f"MOBULA_TMPDIR={environment['MOBULA_TMPDIR']}\n"
            )
            servers.append(host.start(server, "-D", "-f", str(config)))
        try:
            for host in hosts:
                wait_until(lambda host=host: ":2222" in host.run("ss", "-ltnH").stdout)
            yield (
                hosts,
                {
                    "ssh_user": "root",
                    "ssh_port": 2222,
                    "ssh_private_key": str(key),
                    "ssh_known_hosts": str(tmp_path / "known_hosts"),
                },
            )
        finally:
            for process in servers:
                kill_tree(process.pid)
                process.communicate()


def test_up_and_down_through_ssh(hosts_with_ssh, tmp_path):
    hosts, auth = hosts_with_ssh
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "text").write_text("mounted")
    file = _write(
        tmp_path / "cluster.yaml",
        {
            "cluster_name": "ssh",
            "provider": {
                "type": "local",
                "head_ip": hosts[0].address,
                "worker_ips": [host.address for host in hosts[1:]],
            },
            "auth": auth,
            "file_mounts": {str(tmp_path / "there"): str(tmp_path / "mounted")},
            **_commands(),
        },
    )

    # From one of the hosts: the others are reached from there only.
    def run(*arguments):
        return hosts[0].try_mobula(*arguments)

    done = run("up", file)
    assert done.returncode == 0, done.stdout + done.stderr
    _check_cluster(run, file, tmp_path)
    # Up again: anew.
    before = [host.record()["node_id"] for host in hosts]
    assert run("up", file).returncode != 0, "the head's port is taken, as the file stops nothing"
    done = run("down", file)
    assert done.stdout.count("stopped") == 3, done.stdout + done.stderr
    assert run("up", file).returncode == 0
    assert not set(before) & {host.record()["node_id"] for host in hosts}
    assert run("down", file).returncode == 0


def test_a_host_that_is_not_there_is_named(hosts_with_ssh, tmp_path):
    hosts, auth = hosts_with_ssh
    fields = {
        "cluster_name": "ssh",
        "provider": {
            "type": "local",
            "head_ip": hosts[0].address,
            "worker_ips": [hosts[1].address, "10.213.7.99"],
        },
        "auth": auth,
        **_commands(),
    }
    file = _write(tmp_path / "cluster.yaml", fields)
    done = hosts[0].try_mobula("up", file)
    assert done.returncode == 1
    assert "10.213.7.99: ssh: connect to host 10.213.7.99" in done.stderr
    assert "10.213.7.2: runs" in done.stdout
    hosts[0].mobula("exec", file, *_MOBULA.split(), "stop")
    hosts[1].mobula("stop")
