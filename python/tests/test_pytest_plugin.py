# SPDX-License-Identifier: Apache-2.0
"""pytest's option --mobula-sim: Ray tests, unmodified, in the simulator.

Method: whole runs of pytest over the files in suites/, which are not tests of this package.
"""

import pathlib
import re
import shlex
import subprocess
import sys

import pytest

SUITES = pathlib.Path(__file__).parent / "suites"


def run_pytest(*arguments, folder=SUITES):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    return subprocess.run(
        [*command, "-c", "/dev/null", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
    )


@pytest.fixture(scope="module")
def failures():
    """What is said of each test of failing.py."""
    result = run_pytest("failing.py", "--mobula-sim", "--mobula-watchdog=15", "--mobula-seeds=6")
    assert result.returncode == 1, result.stdout + result.stderr
    texts = re.split(r"^_+ (\w+) _+$", result.stdout, flags=re.MULTILINE)
    return dict(zip(texts[1::2], texts[2::2], strict=True))


def test_a_suite_passes_unmodified_with_fixtures_of_every_scope():
    result = run_pytest("passing.py", "--mobula-sim", "--mobula-seeds=2")
    assert "9 passed, 1 skipped, 1 xfailed" in result.stdout, result.stdout + result.stderr
    assert "simulated, one node of 4 CPUs, seeds 0 to 1" in result.stdout
    assert "22 simulations" in result.stdout


def test_the_alias_alone_runs_tests_on_the_real_runtime(tmp_path):
    (tmp_path / "test_alias.py").write_text(
        "import os, ray\n"
        "def test_worker_is_a_process():\n"
        "    pid = ray.get(ray.remote(lambda: os.getppid()).remote())\n"
        "    assert os.path.exists(f'/proc/{pid}')\n"
        "    ray.shutdown()\n"
    )
    result = run_pytest("--mobula", folder=tmp_path)
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_without_its_options_the_plugin_imports_nothing(tmp_path):
    (tmp_path / "test_modules.py").write_text(
        "import sys\n"
        "def test_modules():\n"
        "    assert 'pytest_mobula' in sys.modules\n"
        "    assert not {'mobula', 'numpy', 'greenlet'} & set(sys.modules)\n"
    )
    result = run_pytest(folder=tmp_path)
    assert "1 passed" in result.stdout, result.stdout + result.stderr


def test_a_failure_tells_the_seed_and_the_command_that_repeats_it(failures):
    text = failures["test_assertion"]
    assert "assert 1 == 2" in text
    assert "something printed" in text
    assert "seed 0" in text


def test_the_first_seed_that_fails_is_told_and_its_replay_is_the_same_run(failures):
    text = failures["test_some_seeds_only"]
    first = re.search(r"trace hash (\w{16})", text)[1]
    (replay,) = re.findall(r"^  pytest (.*)$", text, flags=re.MULTILINE)
    again = run_pytest(*shlex.split(replay))
    assert again.returncode == 1
    assert f"trace hash {first}" in again.stdout, again.stdout
    seed = int(re.search(r"--mobula-seed (\d+)", replay)[1])
    for smaller in range(seed):
        others = ["failing.py::test_some_seeds_only", "--mobula-sim", f"--mobula-seed={smaller}"]
        assert run_pytest(*others).returncode == 0


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("test_deadlock", "DeadlockError: after"),
        ("test_deadlock", "waits for: get of object"),
        ("test_spin", "without waiting once"),
        ("test_spin", "in test_spin"),
        ("test_exit", "the test ended its process with exit code 3"),
        ("test_outside", "socket.socket() reaches outside the simulation"),
    ],
)
def test_tests_that_do_not_end_well_are_reported(failures, test, told):
    assert told in failures[test]
    assert "replay:" in failures[test]


def test_a_failure_is_written_as_a_page(tmp_path):
    (tmp_path / "test_fails.py").write_text(
        "import ray\ndef test_fails():\n    assert ray.get(ray.remote(lambda: 1).remote()) == 2\n"
    )
    result = run_pytest("--mobula-sim", "--mobula-seed=3", folder=tmp_path)
    page = re.search(r"^  (\.mobula/\S+\.html)$", result.stdout, flags=re.MULTILINE)
    assert page, result.stdout + result.stderr
    assert "test_fails, seed 3" in (tmp_path / page[1]).read_text()


def test_a_test_that_never_ended_by_itself_has_no_page(failures):
    assert ".html" in failures["test_assertion"]
    assert ".html" not in failures["test_spin"]


def test_a_marker_gives_one_test_a_plan_and_nodes(tmp_path):
    (tmp_path / "test_marked.py").write_text(
        "import time, pytest, ray\n"
        '@pytest.mark.mobula_faults(\'fault { at: "2s" crash_node { node: "n2" } }\', nodes=2)\n'
        "def test_marked():\n"
        "    ray.init()\n"
        "    assert len(ray.nodes()) == 2\n"
        "    time.sleep(60)\n"
        "    assert sorted(node['Alive'] for node in ray.nodes()) == [False, True]\n"
        "def test_other():\n"
        "    ray.init()\n"
        "    time.sleep(60)\n"
        "    assert [node['Alive'] for node in ray.nodes()] == [True]\n"
        "@pytest.mark.mobula_faults('absent.textproto')\n"
        "def test_without_its_plan():\n"
        "    pass\n"
    )
    result = run_pytest("--mobula-sim", folder=tmp_path)
    assert "1 failed, 2 passed" in result.stdout, result.stdout + result.stderr
    assert "absent.textproto" in result.stdout


def test_the_fixtures_of_rays_own_tests_are_offered(tmp_path):
    (tmp_path / "test_fixtures.py").write_text(
        "import pytest, ray\n"
        "@pytest.mark.parametrize('ray_start_regular', [{'num_cpus': 3}], indirect=True)\n"
        "def test_one_node(ray_start_regular):\n"
        "    assert ray.cluster_resources()['CPU'] == 3\n"
        "@pytest.mark.parametrize('ray_start_cluster', [{'num_nodes': 2}], indirect=True)\n"
        "def test_cluster(ray_start_cluster):\n"
        "    assert len(ray.nodes()) == 2\n"
        "    ray_start_cluster.add_node(num_cpus=1)\n"
        "    ray_start_cluster.wait_for_nodes()\n"
        "    assert ray.cluster_resources()['CPU'] == 3\n"
        "def test_nothing(shutdown_only):\n"
        "    assert not ray.is_initialized()\n"
        "    ray.init()\n"
    )
    without = run_pytest("--mobula-sim", folder=tmp_path)
    assert "3 errors" in without.stdout, without.stdout + without.stderr
    result = run_pytest("--mobula-sim", "--mobula-fixtures", folder=tmp_path)
    assert "3 passed" in result.stdout, result.stdout + result.stderr
