# SPDX-License-Identifier: Apache-2.0
# Goal: the units are what systemd takes, and what they run makes a cluster and ends in order.
# Method: no systemd runs on a machine of tests, so the test starts and ends what the units name.
import configparser
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

import pytest
from namespaced_hosts import Hosts, wait_until

_UNITS = pathlib.Path(__file__).parents[2] / "tools" / "deploy" / "systemd"
_SMALL = "--num-cpus=1 --object-store-memory=100000000 --dashboard-port=-1"


def _unit(name):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(_UNITS / name)
    return parser


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is missing")
@pytest.mark.parametrize("name", ["mobula-head.service", "mobula-node.service"])
def test_systemd_accepts_a_unit(name, tmp_path):
    text = (_UNITS / name).read_text().replace("/opt/mobula/bin/mobula", "/bin/true")
    (tmp_path / name).write_text(text.replace("User=mobula", "User=daemon"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _command(name, variables):
    """The words of ExecStart, with variables as systemd puts them in."""
    words = []
    for word in shlex.split(_unit(name)["Service"]["ExecStart"]):
        if word.startswith("$") and not word.startswith("${"):
            words += variables[word[1:]].split()
            continue
        for key, value in variables.items():
            word = word.replace(f"${{{key}}}", value)
        words.append(word)
    assert words[0] == "/opt/mobula/bin/mobula"
    return [sys.executable, "-m", "mobula", *words[1:]]


def _alive(host):
    done = host.try_mobula("list", "nodes", "--json", "--filter", "state=ALIVE")
    return done.stdout.count("node_id") if done.returncode == 0 else 0


def test_what_the_units_run_makes_a_cluster(kernel, tmp_path):
    token = "0011aabb." + "x" * 43
    with Hosts(2, tmp_path) as (head, other):
        running = []
        for name, host in (("mobula-head.service", head), ("mobula-node.service", other)):
            variables = {
                "MOBULA_IP": host.address,
                "MOBULA_HEAD": f"{head.address}:6379",
                "OPTIONS": _SMALL,
            }
            command = [
                word.replace("/var/lib/mobula/gcs", str(tmp_path / "gcs"))
                for word in _command(name, variables)
            ]
            running.append(host.start(*command, MOBULA_TOKEN=token))
            count = len(running)
            wait_until(lambda count=count: _alive(head) == count)
        pids = [host.record()["pid"] for host in (head, other)]
        # As `systemctl stop` does: the node takes its leave.
        running[1].send_signal(signal.SIGTERM)
        running[1].communicate(timeout=20)
        assert running[1].returncode == 0
        wait_until(lambda: _alive(head) == 1)
        # A crash is no orderly end: systemd sees that, and starts it again.
        os.kill(pids[0], signal.SIGKILL)
        _, text = running[0].communicate(timeout=20)
        assert running[0].returncode == 1
        assert "the node has ended with status -9; its log is in " in text
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
        for name in ("mobula-head.service", "mobula-node.service"):
            service = _unit(name)["Service"]
            assert (service["Restart"], service["KillMode"]) == ("always", "mixed")
