# SPDX-License-Identifier: Apache-2.0
"""Goal: a worker is ended before the kernel would, the right one, and its owner hears what it used.

Method: a control group with little memory, in which a program runs with its cluster; the kernel
counts whom it had to end there.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Iterator

import mobula
import pytest

_LIMIT = 700 << 20

HOG = """
import os, sys, time
import mobula as ray
# From here to the limit it takes a second and more, and a look at the memory a quarter of one.
ray.init(
    num_cpus=3, object_store_memory=50_000_000, _system_config={"memory_usage_threshold": 0.6}
)

def eat(share):
    eaten = []
    while len(eaten) < share:
        eaten.append(b"x" * (5 << 20))
        time.sleep(0.02)

@ray.remote(max_retries=0)
def small(seconds):
    eat(6)
    time.sleep(seconds)
    return "fine"

@ray.remote(max_retries=int(sys.argv[1]))
def hog(file):
    # The first attempt never has enough.
    if not os.path.exists(file):
        open(file, "w").close()
        eat(2000)
    return "less"

others = [small.remote(6)]
time.sleep(1)
mine = hog.remote(sys.argv[2])
time.sleep(0.5)
# The newest is not the one that uses too much.
others.append(small.remote(5))
try:
    print(ray.get(mine))
except ray.exceptions.OutOfMemoryError as error:
    print(error)
print(*ray.get(others))
"""


class _Group:
    """A control group of this test, in either version."""

    def __init__(self) -> None:
        name = f"mobula-test-{uuid.uuid4().hex[:8]}"
        first = pathlib.Path("/sys/fs/cgroup/memory")
        self._is_first = first.is_dir()
        self._folder = (first if self._is_first else first.parent) / name
        self._folder.mkdir()
        limit = "memory.limit_in_bytes" if self._is_first else "memory.max"
        (self._folder / limit).write_text(str(_LIMIT))

    def run(self, program: str, *arguments: str) -> str:
        procs = self._folder / "cgroup.procs"
        done = subprocess.run(
            [
                *("sh", "-c", f'echo $$ > {procs} && exec "$@"', "sh"),
                *(sys.executable, "-c", program, *arguments),
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ended_by_the_kernel(self) -> int:
        file = "memory.oom_control" if self._is_first else "memory.events"
        facts = (self._folder / file).read_text().splitlines()
        return next(int(line.split()[1]) for line in facts if line.startswith("oom_kill "))

    def remove(self) -> None:
        self._folder.rmdir()


@pytest.fixture
def group() -> Iterator[_Group]:
    if os.geteuid() != 0:
        pytest.skip("making control groups needs root")
    try:
        made = _Group()
    except OSError as error:
        pytest.skip(f"no control group for memory can be made: {error}")
    yield made
    made.remove()


def test_the_error_names_the_task_and_what_it_used(group: _Group, tmp_path: pathlib.Path) -> None:
    text, others = group.run(HOG, "0", str(tmp_path / "once")).splitlines()
    assert "The worker of task hog (attempt 0) died: The memory of node" in text
    assert "of 700 MiB were used, more than the 60 % allowed" in text
    assert "Ended was the worker of hog (pid " in text
    assert "others: small (pid " in text
    used = int(text.partition("Ended was")[2].partition(" MiB")[0].rpartition(" ")[2])
    assert 150 < used < 700
    assert others == "fine fine"
    assert group.ended_by_the_kernel() == 0


def test_what_may_run_again_does(group: _Group, tmp_path: pathlib.Path) -> None:
    assert group.run(HOG, "1", str(tmp_path / "once")).splitlines() == ["less", "fine fine"]
    assert group.ended_by_the_kernel() == 0


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("memory_usage_threshold", 1.5, "a share from 0 to 1, got 1.5"),
        ("memory_usage_threshold", "most", "a share from 0 to 1, got 'most'"),
        ("memory_monitor_refresh_ms", -1, "a number of milliseconds"),
    ],
)
def test_wrong_settings_are_refused(setting: str, value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} takes {expected}"):
        mobula.init(_system_config={setting: value})


def test_a_wrong_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_memory_usage_threshold", "2")
    with pytest.raises(RuntimeError, match="memory-usage-threshold=2 is wrong"):
        mobula.init()
