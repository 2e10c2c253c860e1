# SPDX-License-Identifier: Apache-2.0
"""Where objects are spilled to on real disks; folders and options that are wrong."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator

import mobula
import psutil
import pytest

_STORE = 4 << 20
_PART = 1 << 20


@pytest.fixture(autouse=True)
def _shut_down() -> Iterator[None]:
    yield
    mobula.shutdown()


def _put_many(count: int) -> list[mobula.ObjectRef]:
    return [mobula.put(bytes([number]) * _PART) for number in range(count)]


def _open_files() -> Iterator[str]:
    """Of all processes that may be looked into."""
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            yield os.readlink(link)


def test_files_have_no_names(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "spill"
    mobula.init(num_cpus=1, object_store_memory=_STORE, object_spilling_directory=str(folder))
    refs = _put_many(12)
    assert mobula.get(refs[0]) == bytes(_PART)
    assert os.listdir(folder) == []
    assert any(target.startswith(str(folder)) for target in _open_files())


def test_a_folder_that_cannot_be_used_is_named(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    mobula.init(
        num_cpus=1, object_store_memory=_STORE, object_spilling_directory=str(file / "folder")
    )
    with pytest.raises(mobula.exceptions.OutOfDiskError, match=str(file / "folder")):
        _put_many(12)


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"type": "filesystem"}',
        json.dumps({"type": "smart_open", "params": {}}),
        json.dumps({"type": "tape", "params": {"directory_path": "/tmp"}}),
    ],
)
def test_a_wrong_place_is_refused(config: str) -> None:
    with pytest.raises(ValueError, match="object_spilling_config"):
        mobula.init(_system_config={"object_spilling_config": config})


def test_a_url_that_nothing_can_write_to_is_refused() -> None:
    config = {"type": "smart_open", "params": {"uri": "nonsense://bucket"}}
    with pytest.raises(ValueError, match="cannot be spilled to nonsense://bucket"):
        mobula.init(_system_config={"object_spilling_config": json.dumps(config)})


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _helpers(folder: pathlib.Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        # None of those that have ended.
        if f"file://{folder}" in (process.info["cmdline"] or ())
    ]


def _init(folder: pathlib.Path) -> None:
    config = {"type": "smart_open", "params": {"uri": f"file://{folder}"}}
    mobula.init(
        num_cpus=1,
        object_store_memory=_STORE,
        _system_config={"object_spilling_config": json.dumps(config), "min_spilling_size": 1},
    )


def test_objects_go_to_a_url_and_come_back(tmp_path: pathlib.Path) -> None:
    _init(tmp_path / "bucket")
    refs = _put_many(12)
    for number, ref in enumerate(refs):
        assert mobula.get(ref) == bytes([number]) * _PART
    before = len(_files(tmp_path))
    assert before >= 8
    # What is freed is deleted there.
    del refs[:10], ref
    _await(lambda: len(_files(tmp_path)) < before - 5)
    mobula.shutdown()
    _await(lambda: not _files(tmp_path) and not _helpers(tmp_path / "bucket"))


def test_nothing_stays_at_a_url_when_the_daemon_is_killed(tmp_path: pathlib.Path) -> None:
    _init(tmp_path / "bucket")
    refs = _put_many(12)
    assert _files(tmp_path)
    os.kill(psutil.Process(_helpers(tmp_path / "bucket")[0]).ppid(), signal.SIGKILL)
    _await(lambda: not _files(tmp_path) and not _helpers(tmp_path / "bucket"))
    del refs


def test_a_helper_that_died_is_started_again(tmp_path: pathlib.Path) -> None:
    _init(tmp_path / "bucket")
    refs = _put_many(12)
    (helper,) = _helpers(tmp_path / "bucket")
    os.kill(helper, signal.SIGKILL)
    refs += _put_many(12)
    assert _helpers(tmp_path / "bucket") != [helper]
    # Its files are still there, but for those of which it had just been asked.
    for number, ref in enumerate(refs[12:]):
        assert mobula.get(ref) == bytes([number]) * _PART


def test_a_url_where_nothing_can_be_written_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _init(tmp_path / "file")
    with pytest.raises(
        mobula.exceptions.OutOfDiskError, match=f"file://{tmp_path}/file: NotADirectoryError"
    ):
        _put_many(12)


def test_a_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="min_spilling_size takes a number of bytes"):
        mobula.init(_system_config={"min_spilling_size": -1})


def test_nodes_that_run_already_spill_as_they_do() -> None:
    with pytest.raises(ValueError, match="object_spilling_directory must not be provided"):
        mobula.init(address="127.0.0.1:1", object_spilling_directory="/tmp/elsewhere")
