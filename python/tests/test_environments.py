# SPDX-License-Identifier: Apache-2.0
"""What a node keeps for runtime environments, and the packages that travel there."""

import os
import pathlib
import subprocess
import sys
import threading
import zipfile

import mobula
import pytest
from mobula._environments import packages
from mobula._environments.cache import Cache
from mobula._environments.fields import merge
from mobula.exceptions import RuntimeEnvSetupError


def fill(size):
    def make(folder):
        os.makedirs(folder)
        pathlib.Path(folder, "content").write_bytes(b"x" * size)

    return make


def never(folder):
    raise AssertionError(f"{folder} is made again")


def use_in_child(root, content):
    """Makes and uses a folder in a process that ends at once, and with it the use."""
    code = (
        "import sys; from mobula._environments.cache import Cache; "
        "from test_environments import fill; "
        "print(Cache(sys.argv[1], 'pip').use(sys.argv[2], fill(1000)), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), content],
        check=True,
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parent,
    )
    return done.stdout


def test_a_folder_is_made_once(tmp_path):
    cache = Cache(str(tmp_path), "pip")
    folder = cache.use("a", fill(10))
    assert cache.use("a", never) == folder
    assert Cache(str(tmp_path), "pip").use("a", never) == folder


def test_what_nobody_uses_goes_when_the_folders_are_too_large(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_RUNTIME_ENV_PIP_CACHE_SIZE_GB", str(2500 / 2**30))
    folders = {name: use_in_child(tmp_path, name) for name in "abc"}
    for age, name in enumerate("cab"):
        os.utime(folders[name] + ".lock", (1000 + age, 1000 + age))
    cache = Cache(str(tmp_path), "pip")
    # Used again: the oldest now is "a".
    cache.use("c", never)
    folders["d"] = cache.use("d", fill(1000))
    assert {name: os.path.exists(folder) for name, folder in folders.items()} == {
        "a": False,
        "b": True,
        "c": True,
        "d": True,
    }


def test_what_is_used_stays_however_large_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_RUNTIME_ENV_PIP_CACHE_SIZE_GB", "0")
    cache = Cache(str(tmp_path), "pip")
    first, second = cache.use("a", fill(10)), cache.use("b", fill(10))
    assert os.path.exists(first) and os.path.exists(second)
    cache.use("a", never)


def test_a_failure_is_told_to_those_who_ask_next_and_forgotten_later(tmp_path):
    cache = Cache(str(tmp_path), "pip")

    def fail(folder):
        os.makedirs(folder)
        raise RuntimeEnvSetupError("no such package")

    with pytest.raises(RuntimeEnvSetupError, match="no such package"):
        cache.use("a", fail)
    with pytest.raises(RuntimeEnvSetupError, match="no such package"):
        cache.use("a", never)
    for failure in tmp_path.rglob("*.failed"):
        os.utime(failure, (0, 0))
    cache.use("a", fill(10))


def test_what_a_killed_process_left_half_made_is_made_anew(tmp_path):
    folder = use_in_child(tmp_path, "a")
    os.remove(folder + ".ready")
    pathlib.Path(folder, "half").write_text("")
    assert Cache(str(tmp_path), "pip").use("a", fill(10)) == folder
    assert os.listdir(folder) == ["content"]


def test_a_package_has_the_same_name_whenever_and_wherever_it_is_packed(tmp_path):
    for place, stamp in (("one", 1_000_000_000), ("two", 1_700_000_000)):
        folder = tmp_path / place
        (folder / "sub").mkdir(parents=True)
        for name in ("b", "sub/a", "script"):
            (folder / name).write_text(name)
            os.utime(folder / name, (stamp, stamp))
        (folder / "script").chmod(0o755)
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / place).write_text("")
    one, two = (packages.pack(str(tmp_path / place)) for place in ("one", "two"))
    assert packages.uri_of(one) == packages.uri_of(two)
    packages.unpack(one, str(tmp_path / "three"), packages.uri_of(one))
    assert os.access(tmp_path / "three" / "script", os.X_OK)
    assert (tmp_path / "three" / "sub" / "a").read_text() == "sub/a"
    (tmp_path / "two" / "b").write_text("other")
    assert packages.pack(str(tmp_path / "two")) != one


def test_a_folder_with_data_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "SIZE_MAX", 100)
    (tmp_path / "data").write_bytes(b"x" * 101)
    with pytest.raises(ValueError, match="excludes"):
        packages.pack(str(tmp_path))
    assert packages.pack(str(tmp_path), ["data"])


def test_what_leaves_its_folder_is_not_unpacked_outside(tmp_path):
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../outside", "")
    packages.unpack(archive.read_bytes(), str(tmp_path / "in" / "here"), "gcs://evil.zip")
    assert not (tmp_path / "in" / "outside").exists()
    with pytest.raises(RuntimeEnvSetupError, match="unpacked"):
        packages.unpack(b"nonsense", str(tmp_path / "there"), "gcs://nonsense.zip")


def test_pip_of_a_child_replaces_uv_of_its_parent():
    assert merge({"uv": ["a"], "env_vars": {"A": "1"}}, {"pip": ["b"], "env_vars": {"B": "2"}}) == {
        "pip": ["b"],
        "env_vars": {"A": "1", "B": "2"},
    }


USE = """
import fcntl, pathlib, sys, time
from mobula._environments.cache import Cache

flock = fcntl.flock

# All have looked before the first goes on.
def slow(lock, how):
    flock(lock, how)
    if how == fcntl.LOCK_SH:
        time.sleep(0.1)

fcntl.flock = slow
cache = Cache(sys.argv[1], "pip")
sys.stdin.readline()

def make(folder):
    time.sleep(0.05)
    pathlib.Path(folder).mkdir()
    with open(sys.argv[1] + "/made", "a") as file:
        file.write("x")

print(cache.use("content", make), flush=True)
sys.stdin.readline()
"""


# Each keeps its lock as long as it lives, so nobody may wait for all others to let go.
def test_those_who_want_a_folder_at_once_have_it_made_once(tmp_path):
    command = [sys.executable, "-c", USE, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(mobula.__file__).parents[1])}
    pipe = subprocess.PIPE
    users = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        for _ in range(8)
    ]
    watchdog = threading.Timer(20, lambda: [user.kill() for user in users])
    watchdog.start()
    try:
        for user in users:
            user.stdin.write("\n")
            user.stdin.flush()
        folders = {user.stdout.readline() for user in users}
    finally:
        watchdog.cancel()
        for user in users:
            user.kill()
            user.communicate()
    assert len(folders) == 1 and "" not in folders
    assert (tmp_path / "made").read_text() == "x"
