# SPDX-License-Identifier: Apache-2.0
"""Goal: the zygote forks and reports as the daemon expects, and leaves nothing behind.

The test plays the daemon; the workers it asks for find no socket, and end.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import mobula
import pytest


@pytest.fixture
def zygote():
    """(the daemon's end, the process)"""
    daemon, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {
        **os.environ,
        "MOBULA_ZYGOTE_FD": str(child.fileno()),
        "PYTHONPATH": str(pathlib.Path(mobula.__file__).parents[1]),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mobula._zygote", ""],
        pass_fds=[child.fileno()],
        env=environment,
    )
    child.close()
    daemon.settimeout(60)
    yield daemon, process
    daemon.close()
    assert process.wait(10) == 0


def receive(daemon):
    return json.loads(daemon.recv(1 << 16))


def fork(daemon, worker):
    output, output_write = os.pipe()
    errors, errors_write = os.pipe()
    order = {"op": "fork", "worker": worker, "job": "", "socket": "mobula-no-such", "env": ""}
    socket.send_fds(daemon, [json.dumps(order).encode()], [output_write, errors_write])
    os.close(output_write)
    os.close(errors_write)
    return os.fdopen(output), os.fdopen(errors)


def test_a_fork_is_reported_with_its_pid_and_end(zygote):
    daemon, _ = zygote
    assert receive(daemon) == {"op": "ready"}
    with_output, with_errors = fork(daemon, "ab" * 16)
    forked = receive(daemon)
    assert (forked["op"], forked["worker"]) == ("forked", "ab" * 16)
    exited = receive(daemon)
    assert (exited["op"], exited["worker"], exited["pid"]) == ("exited", "ab" * 16, forked["pid"])
    assert os.waitstatus_to_exitcode(exited["status"]) == 1
    with with_output, with_errors:
        assert with_output.read() == ""
        assert "mobula-no-such" in with_errors.read()


def test_it_ends_when_the_daemon_is_gone(zygote):
    daemon, process = zygote
    assert receive(daemon) == {"op": "ready"}
    daemon.close()
    assert process.wait(10) == 0


def test_what_not_every_worker_needs_does_not_keep_the_first_one_waiting():
    program = (
        "import sys; from mobula import _zygote; _zygote._preimport(); "
        # The rest that every worker imports, when it has been forked.
        "from mobula import _completions, _functions; "
        "print(*sorted({'asyncio', 'numpy', 'ssl', 'subprocess'} & set(sys.modules)))"
    )
    command = [sys.executable, "-P", "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "\n"


def test_it_is_imported_when_nobody_wants_a_worker(zygote):
    daemon, process = zygote
    assert receive(daemon) == {"op": "ready"}
    maps = pathlib.Path(f"/proc/{process.pid}/maps")
    deadline = time.monotonic() + 30
    while "/numpy/" not in maps.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # And it forks as before.
    with_output, with_errors = fork(daemon, "ab" * 16)
    assert receive(daemon)["op"] == "forked"
    with with_output, with_errors:
        assert "mobula-no-such" in with_errors.read()
