# SPDX-License-Identifier: Apache-2.0
# Goal: log files have limits, and whoever follows one is not lost when it is continued.
import contextlib
import pathlib
import re
import time

import mobula as ray
import pytest
from mobula._cluster.logs import Source


@ray.remote
def chat(count):
    for number in range(count):
        print(f"line {number:04d} of many")


def text_of(path):
    """Nothing while it is rotated: the file has its next name, and there is no new one yet."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    return ""


def test_what_a_worker_writes_is_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setenv("RAY_ROTATION_MAX_BYTES", "2000")
    monkeypatch.setenv("RAY_ROTATION_BACKUP_COUNT", "2")
    with ray.init(num_cpus=1, log_to_driver=False) as context:
        ray.get(chat.remote(1000))
        logs = pathlib.Path(context["session_dir"]) / "logs"
        deadline = time.monotonic() + 10
        while not any("0999" in text_of(path) for path in logs.glob("worker-*.out")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        files = sorted(path for path in logs.glob("worker-*.out*") if path.stat().st_size)
        assert [path.suffix for path in files] == [".out", ".1", ".2"]
        text = "".join(path.read_text() for path in reversed(files))
        assert all(path.stat().st_size <= 2000 for path in files)
        assert text.splitlines()[-1] == "line 0999 of many"
        assert all(re.fullmatch(r"line \d{4} of many", line) for line in text.splitlines())
        own = (logs / "mobulad.log").read_text()
        pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z node=[0-9a-f]{32} mobulad: .+"
        assert all(re.fullmatch(pattern, line) for line in own.splitlines()), own


@pytest.mark.parametrize("name", ["RAY_ROTATION_MAX_BYTES", "RAY_ROTATION_BACKUP_COUNT"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "-1")
    with pytest.raises(ValueError, match=f"{name} must be a number that is not negative, got '-1'"):
        ray.init(num_cpus=1)


class _Access:
    """A node with these logs."""

    def __init__(self, **files):
        self.files = {name.replace("_", "."): text for name, text in files.items()}

    def ask(self, path, address):
        return [{"name": name, "bytes": len(text)} for name, text in self.files.items()]

    def ask_bytes(self, path, address):
        _, _, name, offset = path.split("/")
        return self.files[name][int(offset) :].encode()


def test_who_follows_a_log_reads_on_when_it_is_continued():
    access = _Access(a_log="one\ntwo\n")
    source = Source(access, "there")
    assert source.more("a.log", 4) == ("two\n", 8)
    assert source.more("a.log", 8) == ("", 8)
    access.files = {"a.log": "four\n", "a.log.1": "one\ntwo\nthree\n"}
    assert source.more("a.log", 8) == ("three\n", 0)
    assert source.more("a.log", 0) == ("four\n", 5)
