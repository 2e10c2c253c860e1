# SPDX-License-Identifier: Apache-2.0
"""The command `mobula`: what it passes on to programs, and what it says of wrong options."""

import importlib.metadata
import subprocess
import sys

import pytest

SHOW = """
import os, sys
import ray
import helper
if __name__ == "__main__":
    print(sys.argv, os.path.basename(sys.path[0]), helper.NAME, ray.__name__)
"""


def mobula(*arguments, **options):
    command = [sys.executable, "-m", "mobula", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("world", [["run"], ["sim"]])
def test_program_finds_its_arguments_its_folder_and_ray(tmp_path, world):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "helper.py").write_text("NAME = 'helped'")
    (folder / "show.py").write_text(SHOW)
    separator = ["--"] if world == ["sim"] else []
    result = mobula(*world, "folder/show.py", *separator, "-x", "--seed", "y", cwd=tmp_path)
    expected = "['folder/show.py', '-x', '--seed', 'y'] folder helped mobula"
    assert result.stdout.strip() == expected, result.stderr


@pytest.mark.parametrize("world", ["run", "sim"])
def test_an_error_shows_the_programs_frames_only(tmp_path, world):
    program = tmp_path / "broken.py"
    program.write_text("def f():\n    raise LookupError('here')\nf()\n")
    result = mobula(world, program)
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[1].strip() == f'File "{program}", line 3, in <module>'
    assert "LookupError: here" in lines


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--crash", "n9@1s"], "n9"),
        (["--crash", "n1@1s"], "n1"),
        (["--crash", "soon"], "soon"),
        (["--nodes", "0"], "--nodes"),
        (["--latency", "1"], "expected a time such as"),
        (["--cost", "f=later"], "expected a time such as"),
        (["--trace", "/no/such/folder/trace"], "/no/such/folder/trace"),
        (["--sed", "7"], "--sed"),
    ],
)
def test_wrong_options_are_refused(tmp_path, arguments, complaint):
    program = tmp_path / "program.py"
    program.write_text("print('ran')")
    result = mobula("sim", program, *arguments)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert complaint in result.stderr


def test_a_missing_program_is_refused():
    for world in ("run", "sim"):
        result = mobula(world, "no_such_program.py")
        assert result.returncode == 2
        assert "no_such_program.py" in result.stderr


def test_version():
    assert importlib.metadata.version("mobula") in mobula("--version").stdout
