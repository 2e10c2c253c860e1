# SPDX-License-Identifier: Apache-2.0
# Goal: the sbatch script makes a cluster of the hosts of an allocation, and leaves nothing there.
# Method: Debian's Slurm, whose hosts are network namespaces of this machine.
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import pytest
from namespaced_hosts import Hosts, kill_tree, wait_until

_SCRIPT = pathlib.Path(__file__).parents[2] / "tools" / "deploy" / "slurm" / "cluster.sbatch"

PROGRAM = """
import os, sys
import mobula as ray
ray.init()
on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy

@ray.remote
def where():
    return ray.util.get_node_ip_address(), os.environ["SLURMD_NODENAME"]

calls = [where.options(scheduling_strategy=on(node["NodeID"], soft=False)).remote()
         for node in ray.nodes()]
print(sorted(ray.get(calls)), sys.argv[1:], flush=True)
sys.exit(3)
"""

CONFIG = """
ClusterName=mobula
SlurmctldHost={name}({head})
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
MpiDefault=none
ReturnToService=2
{nodes}
PartitionName=all Nodes=ALL Default=YES State=UP OverSubscribe=YES
"""


@pytest.fixture
def slurm(kernel, tmp_path):
    """Three hosts of a Slurm cluster, and the environment of its commands."""
    for program in ("slurmctld", "slurmd", "munged", "sbatch"):
        if shutil.which(program) is None:
            pytest.skip(
                f"{program} is missing: apt-get install slurmctld slurmd slurm-client munge"
            )
    with Hosts(3, tmp_path) as hosts:
        nodes = "\n".join(
            f"NodeName=n{number} NodeAddr={host.address} CPUs=2 State=UNKNOWN"
            for number, host in enumerate(hosts, 1)
        )
        config = tmp_path / "slurm.conf"
        config.write_text(
            CONFIG.format(
                name=socket.gethostname(), head=hosts[0].address, folder=tmp_path, nodes=nodes
            )
        )
        (tmp_path / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        for name in ("state", "spool-n1", "spool-n2", "spool-n3"):
            (tmp_path / name).mkdir()
        key = tmp_path / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        servers = []
        environment = {"SLURM_CONF": str(config)}
        try:
            servers.append(
                hosts[0].start(
                    *("munged", "--foreground", "--force", f"--key-file={key}"),
                    *(f"--socket={tmp_path}/munge.socket", f"--pid-file={tmp_path}/munge.pid"),
                    *(f"--log-file={tmp_path}/munge.log", f"--seed-file={tmp_path}/munge.seed"),
                )
            )
            wait_until(lambda: (tmp_path / "munge.socket").exists())
            servers.append(hosts[0].start("slurmctld", "-D", "-i", "-f", str(config)))
            for number, host in enumerate(hosts, 1):
                command = ("slurmd", "-D", "-N", f"n{number}", "-f", str(config))
                servers.append(host.start(*command, **environment))

            def idle():
                done = hosts[0].run("sinfo", "-h", "-N", "-o", "%T", **environment)
                return done.stdout.split().count("idle") == 3

            wait_until(idle, timeout=30)
            yield hosts, environment
        finally:
            for server in servers:
                kill_tree(server.pid)
                print(*server.communicate())


def test_a_job_has_a_cluster_of_its_hosts(slurm, tmp_path):
    hosts, environment = slurm
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    output = tmp_path / "job.out"
    done = hosts[0].run(
        *("sbatch", "--wait", "--nodes=3", f"--output={output}", f"--chdir={tmp_path}"),
        *(str(_SCRIPT), str(program), "an argument"),
        **environment,
        MOBULA=f"{sys.executable} -m mobula",
        PYTHON=sys.executable,
        TMPDIR=str(tmp_path),
        timeout=120,
    )
    text = output.read_text() if output.exists() else ""
    assert done.returncode == 3, done.stdout + done.stderr + text
    places = [(host.address, f"n{number}") for number, host in enumerate(hosts, 1)]
    assert f"{places} ['an argument']" in text
    # Nothing but Slurm's own processes is left, and no session folder.
    for host in hosts:
        pids = subprocess.run(["ip", "netns", "pids", host.name], capture_output=True, text=True)
        names = {
            pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids.stdout.split()
        }
        assert not {name for name in names if name.startswith("mobula")}, names
    assert not list(tmp_path.glob("mobula-*"))
