# SPDX-License-Identifier: Apache-2.0
# Goal: a job runs on the head, whoever submitted it and whatever becomes of them, and nothing of it
# is left when it is over.
import os
import pathlib
import re
import signal
import sys
import time

import pytest
from namespaced_hosts import kill_tree, wait_until

PROGRAM = """
import os, subprocess, sys, time
import mobula as ray

# The log of a job holds both of its outputs.
ray.init(logging_level="WARNING")

@ray.remote
def square(x):
    return x * x

print(sum(ray.get([square.remote(i) for i in range(10)])), os.environ.get("GREETING"), flush=True)
if "sleep" in sys.argv:
    child = subprocess.Popen(["sleep", "600"])
    print("pids", os.getpid(), child.pid, flush=True)
    child.wait()
if "fail" in sys.argv:
    sys.exit(3)
"""


@pytest.fixture
def submit(cluster, tmp_path):
    """Submits the program from a host that is not the head."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "program.py").write_text(PROGRAM)

    def submit(*arguments, options=(), client=cluster[1]):
        folder = f"--working-dir={tmp_path / 'work'}"
        return client.try_mobula(
            "job", "submit", folder, *options, "--", "python", "program.py", *arguments
        )

    return submit


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _pids(host, job):
    """Of the driver and its child."""
    wait_until(lambda: "pids" in host.mobula("job", "logs", job))
    found = re.search(r"pids (\d+) (\d+)", host.mobula("job", "logs", job))
    return [int(pid) for pid in found.groups()]


def _state(host, job):
    (line,) = (line for line in host.mobula("job", "list").splitlines() if line.startswith(job))
    return line.split()[1]


def test_a_job_runs_and_its_client_shows_what_it_writes(submit):
    done = submit(options=["--env", "GREETING=hello"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "285 hello\n"
    assert re.search(r"job (job_\w+) runs; .*\njob \1: SUCCEEDED\n", done.stderr)


def test_the_exit_status_is_that_of_the_program(submit, cluster):
    done = submit("fail", options=["--job-id", "failing"])
    assert done.returncode == 3
    assert done.stderr.endswith("job failing: FAILED with exit status 3\n")
    assert cluster[2].mobula("job", "logs", "failing") == "285 None\n"
    listing = cluster[2].mobula("job", "list")
    assert re.search(r"failing +FAILED with exit status 3 .* python program.py fail", listing)
    again = submit(options=["--job-id", "failing"])
    assert "there is a job failing already; choose another --job-id" in again.stderr


def test_the_log_of_a_job_is_rotated(three_hosts, tmp_path):
    head, client, _ = three_hosts
    head.start_head(RAY_ROTATION_MAX_BYTES="4000", RAY_ROTATION_BACKUP_COUNT="2")
    client.join(head)
    program = "for number in range(3000): print(f'line {number}', flush=True)"
    done = client.try_mobula(
        "job", "submit", "--no-wait", "--job-id", "talker", "--", "python", "-c", program
    )
    assert done.returncode == 0, done.stderr
    wait_until(lambda: "SUCCEEDED" in client.mobula("job", "list"))
    logs = pathlib.Path(head.record()["session_dir"]) / "logs"
    files = sorted(path.name for path in logs.glob("job-talker.log*"))
    assert files == ["job-talker.log", "job-talker.log.1", "job-talker.log.2"]
    assert all((logs / name).stat().st_size <= 4000 for name in files)
    # What is kept is read as one: no line twice, none divided.
    lines = client.mobula("job", "logs", "talker").splitlines()
    numbers = [int(line.removeprefix("line ")) for line in lines]
    assert 600 < len(numbers) < 1300
    assert numbers == list(range(3000 - len(numbers), 3000))


def test_a_job_goes_on_without_its_client_until_it_is_stopped(submit, cluster, tmp_path):
    client = cluster[1].start(
        *(sys.executable, "-m", "mobula", "job", "submit", "--job-id", "long"),
        *(f"--working-dir={tmp_path / 'work'}", "--", "python", "program.py", "sleep"),
    )
    assert client.stdout.readline() == "285 None\n"
    kill_tree(client.pid)
    client.communicate()
    pids = _pids(cluster[2], "long")
    time.sleep(1)
    assert _state(cluster[2], "long") == "RUNNING"
    assert all(map(_runs, pids))
    assert cluster[2].mobula("job", "stop", "long") == "job long: STOPPED\n"
    assert not any(map(_runs, pids))
    assert "has ended before: STOPPED" in cluster[2].mobula("job", "stop", "long")


def test_a_job_ends_with_its_supervisor(submit, cluster):
    assert submit("sleep", options=["--job-id", "orphan", "--no-wait"]).returncode == 0
    pids = _pids(cluster[0], "orphan")
    with open(f"/proc/{pids[0]}/stat") as file:
        runner = int(file.read().rpartition(")")[2].split()[1])
    with open(f"/proc/{runner}/stat") as file:
        supervisor = int(file.read().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not any(map(_runs, pids)))
    wait_until(lambda: _state(cluster[1], "orphan") == "FAILED:")
    assert "its supervisor has died" in cluster[1].mobula("job", "list")


def test_what_cannot_be_done_with_jobs_has_messages(submit, cluster, tmp_path):
    host = cluster[1]
    missing = host.try_mobula("job", "submit", "--job-id", "missing", "--", "no-such-program")
    assert missing.returncode == 127
    assert "cannot run no-such-program: No such file" in missing.stdout
    assert "there is no job 'none'; there are: " in host.try_mobula("job", "logs", "none").stderr
    assert "there is no job 'none'" in host.try_mobula("job", "stop", "none").stderr
    assert "expected an id of up to 64 letters" in submit(options=["--job-id", "../x"]).stderr
    assert "expected NAME=VALUE" in submit(options=["--env", "x"]).stderr
    alone = submit(client=host, options=["--address", "10.213.7.77:6379"])
    assert "no mobula daemon answers at 10.213.7.77:6379" in alone.stderr
    with open(tmp_path / "work" / "large", "wb") as file:
        for _ in range(101):
            file.write(os.urandom(1 << 20))
    assert "has more than 100 MiB, packed" in submit().stderr
