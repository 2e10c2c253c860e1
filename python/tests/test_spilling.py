# SPDX-License-Identifier: Apache-2.0
"""Where objects are spilled to on real disks; folders and options that are wrong."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pathlib
from collections.abc import Iterator

import mobula
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
    ["{", "[]", '{"type": "filesystem"}', json.dumps({"type": "smart_open", "params": {}})],
)
def test_a_wrong_place_is_refused(config: str) -> None:
    with pytest.raises(ValueError, match="object_spilling_config"):
        mobula.init(_system_config={"object_spilling_config": config})


def test_a_place_that_is_no_folder_is_refused() -> None:
    config = {"type": "smart_open", "params": {"directory_path": "s3://bucket"}}
    with pytest.raises(ValueError, match="to a folder only"):
        mobula.init(_system_config={"object_spilling_config": json.dumps(config)})


def test_a_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="min_spilling_size takes a number of bytes"):
        mobula.init(_system_config={"min_spilling_size": -1})


def test_nodes_that_run_already_spill_as_they_do() -> None:
    with pytest.raises(ValueError, match="object_spilling_directory must not be provided"):
        mobula.init(address="127.0.0.1:1", object_spilling_directory="/tmp/elsewhere")
