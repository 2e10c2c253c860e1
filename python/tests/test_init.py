# SPDX-License-Identifier: Apache-2.0
"""Goal: clusters start as told, tell about themselves, and end without a trace."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

import mobula
import pytest
from mobula import RayContext, _daemon
from mobula.util.multiprocessing import Pool

KEYS = {
    "node_ip_address",
    "raylet_ip_address",
    "object_store_address",
    "raylet_socket_name",
    "webui_url",
    "session_dir",
    "metrics_export_port",
    "node_id",
}


def processes_of(session):
    """The pids of all processes whose command line or environment names the session."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if session.encode() in text:
            found.append(int(folder.name))
    return found


def traces_of(node):
    """Shared memory and sockets that bear the name of a node."""
    memory = [path.name for path in pathlib.Path("/dev/shm").iterdir() if node in path.name]
    sockets = pathlib.Path("/proc/net/unix").read_text().splitlines()
    return memory + [line for line in sockets if node in line]


def test_init_tells_the_eight_facts(no_cluster):
    with mobula.init(num_cpus=2, num_gpus=1, resources={"special": 3}, namespace="here") as info:
        assert set(info) >= KEYS
        assert all(info[key] for key in KEYS)
        assert info.address_info["node_id"] == info["node_id"]
        assert os.path.isdir(info["session_dir"])
        with urllib.request.urlopen(f"http://{info['webui_url']}", timeout=20) as page:
            assert page.status == 200
        resources = mobula.cluster_resources()
        assert (resources["CPU"], resources["GPU"], resources["special"]) == (2, 1, 3)
        assert mobula.get_runtime_context().namespace == "here"
        [node] = mobula.nodes()
        assert node["Alive"]
        assert node["NodeID"] == info["node_id"]
    assert not mobula.is_initialized()


def test_unknown_and_wrong_options_of_init_are_refused(no_cluster):
    with pytest.raises(
        RuntimeError, match=r"Unknown keyword argument\(s\): num_cpu of init; known are: .*num_cpus"
    ):
        mobula.init(num_cpu=2)
    with pytest.raises(ValueError, match="num_cpus"):
        mobula.init(num_cpus=-1)
    with pytest.raises(ValueError, match="host:port"):
        mobula.init(address="nonsense")
    with pytest.raises(ValueError, match="must not be provided"):
        mobula.init(address="auto", num_cpus=2)
    with pytest.raises(ConnectionError, match="no running node"):
        mobula.init(address="127.0.0.1:1")
    assert not mobula.is_initialized()


def test_a_second_driver_finds_the_cluster(no_cluster, program):
    info = mobula.init(num_cpus=1, include_dashboard=False)
    code, out, err = program(
        f"""
        import mobula
        mobula.init(address="auto")
        print(mobula.nodes()[0]["NodeID"] == {info["node_id"]!r})
        """
    )
    assert (code, out) == (0, "True\n"), err


def test_shutdown_leaves_nothing(no_cluster):
    info = mobula.init(num_cpus=2, include_dashboard=False)
    mobula.get(mobula.remote(len).remote("abc"))
    session = info["session_dir"]
    assert processes_of(session)
    assert traces_of(info["node_id"])
    mobula.shutdown()
    assert processes_of(session) == []
    assert traces_of(info["node_id"]) == []
    assert not os.path.exists(session)


DRIVER = """
import mobula, numpy, time
info = mobula.init(num_cpus=2, include_dashboard=False)

@mobula.remote
def busy():
    time.sleep(1000)

reference = mobula.put(numpy.ones(1_000_000))
mobula.get(mobula.remote(len).remote("abc"))
running = [busy.remote() for _ in range(4)]
time.sleep(0.3)
print(info["session_dir"], info["node_id"], flush=True)
mobula.get(running)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_driver_that_is_ended_leaves_nothing(how, tmp_path, wait_for):
    path = tmp_path / "driver.py"
    path.write_text(DRIVER)
    package = str(pathlib.Path(mobula.__file__).parents[1])
    driver = subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": package},
    )
    session, node = driver.stdout.readline().split()
    assert processes_of(session)
    driver.send_signal(how)
    assert driver.wait(20) != 0
    driver.stdout.close()
    wait_for(lambda: processes_of(session) == [], "no process is left")
    assert traces_of(node) == []


@pytest.mark.parametrize("call", ["signal.raise_signal", "os.kill"])
def test_an_interrupt_reaches_a_driver_in_get(program, call):
    # A signal may also arrive in another thread than the one that waits.
    arguments = (
        "(signal.SIGINT,)" if call == "signal.raise_signal" else "(os.getpid(), signal.SIGINT)"
    )
    code, out, err = program(
        f"""
        import os, signal, threading, time
        import mobula
        mobula.init(num_cpus=1, include_dashboard=False)

        @mobula.remote
        def slow():
            time.sleep(100)

        threading.Timer(0.5, {call}, {arguments}).start()
        start = time.time()
        try:
            mobula.get(slow.remote())
        except KeyboardInterrupt:
            print("interrupted", time.time() - start < 10)
        """
    )
    assert (code, out) == (0, "interrupted True\n"), err


def test_when_the_daemon_dies_everything_ends_and_the_driver_is_told(program, wait_for):
    code, out, err = program(
        """
        import os, signal, threading, time
        import mobula
        from mobula import _daemon
        info = mobula.init(num_cpus=1, include_dashboard=False)

        @mobula.remote
        def pid():
            return os.getpid()

        @mobula.remote
        def slow():
            time.sleep(100)

        worker = mobula.get(pid.remote())
        daemon = _daemon.find(info["address"])["pid"]
        threading.Timer(0.5, os.kill, (daemon, signal.SIGKILL)).start()
        try:
            mobula.get(slow.remote())
        except mobula.exceptions.LocalRayletDiedError as error:
            print("told", bool(str(error)))
        print(worker)
        """
    )
    assert code == 0, err
    told, worker = out.splitlines()
    assert told == "told True"
    wait_for(lambda: not os.path.exists(f"/proc/{worker}"), "the worker has ended")


def test_records_of_ended_daemons_are_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBULA_TMPDIR", str(tmp_path))
    session = tmp_path / "session_x"
    session.mkdir()
    (session / "node.json").write_text('{"pid": 1, "is_head": true, "started": 0}')
    with pytest.raises(ConnectionError):
        _daemon.find("auto")


def test_an_idle_cluster_rests(no_cluster):
    info = mobula.init(num_cpus=2, include_dashboard=False)
    mobula.get(mobula.remote(len).remote("abc"))
    time.sleep(1.5)

    def ticks():
        total = 0
        for pid in processes_of(info["session_dir"]):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total

    before = ticks()
    time.sleep(2)
    assert ticks() - before <= 2 * os.sysconf("SC_CLK_TCK") * 0.02


def test_a_pool_starts_a_cluster_of_its_size(no_cluster):
    with Pool(2) as pool:
        assert mobula.cluster_resources()["CPU"] == 2
        assert pool.map(abs, [-1, -2]) == [1, 2]
    with pytest.raises(ValueError, match="only 2 CPUs"):
        Pool(3)


def test_a_notebook_shows_where_the_dashboard_is():
    context = RayContext({"webui_url": "127.0.0.1:8265", "node_id": "a"})
    shown = context._repr_html_()
    assert 'href="http://127.0.0.1:8265"' in shown
    assert context.python_version in shown
    assert "Dashboard" not in RayContext({"webui_url": ""})._repr_html_()
