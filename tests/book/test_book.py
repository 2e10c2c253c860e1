# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of the book "Learning Ray", unmodified, in both worlds.

The programs are not part of this repository; they are looked for beside the checkout. Each
checks itself and prints OK as its last line.
"""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BOOK = ROOT.parent / "shared" / "book"
PROGRAMS = [
    *sorted(BOOK.glob("ch1/ex_1_1_init.py")),
    *sorted(BOOK.glob("ch2/*.py")),
    *sorted(BOOK.glob("ch3/*.py")),
]

pytestmark = pytest.mark.skipif(not BOOK.exists(), reason="the book's programs are not here")


@pytest.mark.parametrize("world", ["run", "sim"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_passes_its_own_checks(program: pathlib.Path, world: str) -> None:
    mobula = pathlib.Path(sys.executable).with_name("mobula")
    result = subprocess.run(
        [mobula, world, program.name],
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    output = f"{result.stdout}\n{result.stderr}"
    assert result.returncode == 0, output
    assert result.stdout.splitlines()[-1] == "OK", output
