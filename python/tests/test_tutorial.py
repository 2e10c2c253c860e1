# SPDX-License-Identifier: Apache-2.0
"""The tutorial is true: its code is that of the examples, its commands print what it says.

Method: code blocks are looked up in the file named above them. Commands run in a copy of the
examples; their output must contain the lines of the block in this order, "..." standing for any.
Numbers are compared as "some number" where they depend on the runtime's inner timing.
"""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

PYTHON = pathlib.Path(__file__).parents[1]
TEXT = (PYTHON / "TUTORIAL-faults.md").read_text()
EXCERPTS = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    (command, output)
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("file", "excerpt"), EXCERPTS, ids=[file for file, _ in EXCERPTS])
def test_code_is_that_of_the_examples(file, excerpt):
    assert excerpt in (PYTHON / file).read_text()


def without_numbers(line):
    line = re.sub(r"\b[0-9a-f]{16}\b", "#", line)
    # pytest says long times in two ways.
    line = re.sub(r" \(\d+:\d\d:\d\d\)$", "", line)
    return re.sub(r"\d+(\.\d+)?", "#", line).rstrip()


def assert_output(output, wanted):
    """`...` stands for any lines; the last line is the last."""
    lines = [without_numbers(line) for line in output.splitlines()]
    position, anywhere = 0, False
    for line in wanted.splitlines():
        if line == "...":
            anywhere = True
            continue
        line = without_numbers(line)
        found = lines.index(line, position) if line in lines[position:] else None
        assert found is not None, f"{line!r} does not come; the output is:\n{output}"
        assert anywhere or found == position, f"{line!r} comes too late; the output is:\n{output}"
        position, anywhere = found + 1, False
    assert anywhere or position == len(lines), f"there is more than expected:\n{output}"


def test_commands_print_what_the_tutorial_says(tmp_path):
    folder = tmp_path / "bank"
    shutil.copytree(PYTHON / "examples" / "bank", folder)
    programs = {
        "pytest": [sys.executable, "-m", "pytest", "-c", "/dev/null", f"--rootdir={folder}"],
        "mobula": [sys.executable, "-m", "mobula"],
    }
    replay, trace_hash = "", ""
    assert len(COMMANDS) == 5
    for command, wanted in COMMANDS:
        is_replay = command == "replay"
        program, *words = shlex.split(replay if is_replay else command)
        result = subprocess.run(
            [*programs[program], *words, *(["-q"] if is_replay else [])],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            timeout=900,
        )
        assert result.stderr == ""
        assert_output(result.stdout, wanted)
        if is_replay:
            assert f"trace hash {trace_hash}" in result.stdout
        elif "replay:" in result.stdout:
            (replay,) = re.findall(r"^  (pytest --mobula-sim.*)$", result.stdout, re.MULTILINE)
            (trace_hash,) = re.findall(r"trace hash (\w+)", result.stdout)
