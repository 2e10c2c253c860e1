# SPDX-License-Identifier: Apache-2.0
"""Goal: python/API.md says of every public name of Ray Core whether it is here, and is true."""

import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("api_table", ROOT / "tools" / "api" / "table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_table_is_that_of_the_code(table):
    made = table.make()
    assert (ROOT / "python" / "API.md").read_text() == made, (
        "make it again: .venv/bin/python tools/api/table.py --write"
    )


def test_what_is_and_what_is_not_there_is_told_apart(table):
    names = table.Names()
    assert names.is_here("ray.get")
    assert names.is_here("ray.util.queue.Queue.put_nowait_batch")
    assert not names.is_here("ray.java_function")
    assert not table._is_here("ray.no_such_name")
    assert not table._is_here("ray.util.queue.Queue.no_such_method")
    assert names.releases_of("ray.get") == "both"
    assert names.releases_of("ray.util.as_completed") == "2.60.0"


def test_a_reason_that_is_missing_is_asked_for(table, tmp_path, monkeypatch):
    for file in table.FOLDER.glob("ray-*.txt"):
        (tmp_path / file.name).write_text("ray.get\nray.no_such_name\n")
    (tmp_path / "notes.toml").write_text("[absent]\n[differs]\n")
    monkeypatch.setattr(table, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"why these are absent: ray\.no_such_name$"):
        table.make()
