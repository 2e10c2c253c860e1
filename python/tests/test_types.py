# SPDX-License-Identifier: Apache-2.0
"""Goal: a program's type checker knows what `.remote()` takes, and what `get` returns.

Method: mypy, strict, over typed/program.py, whose comments say what it shall find, and where.
"""

import os
import pathlib
import re
import subprocess
import sys

import mobula
import pytest

PACKAGE = pathlib.Path(mobula.__file__).parent
PROGRAM = pathlib.Path(__file__).parent / "typed" / "program.py"
# Of the comments, and how mypy calls what they announce.
KINDS = {"T": 'note: Revealed type is "', "E": "error: "}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What mypy says of each line."""
    options = ["--strict", "--follow-imports=silent", "--no-color-output", "--hide-error-context"]
    cache = tmp_path_factory.mktemp("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, f"--cache-dir={cache}", "-p", "typed"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROGRAM.parents[1],
        env={**os.environ, "MYPYPATH": f"{PACKAGE.parent}:{PROGRAM.parents[1]}"},
    )
    lines: dict[int, list[str]] = {}
    for number, text in re.findall(r"^typed/program\.py:(\d+): (.*)$", done.stdout, re.MULTILINE):
        lines.setdefault(int(number), []).append(text)
    assert lines, done.stdout + done.stderr
    return lines


def test_mypy_finds_what_the_comments_say_and_nothing_else(found):
    wrong = []
    for number, line in enumerate(PROGRAM.read_text().splitlines(), 1):
        said = [text for text in found.get(number, []) if text.startswith(tuple(KINDS.values()))]
        expected = re.search(r"  # ([TE]): (.*)$", line)
        if expected is None:
            wrong += [f"{number}: {text}" for text in said]
            continue
        kind, text = expected.groups()
        start = KINDS[kind] + (f'{text}"' if kind == "T" else "")
        if not any(one.startswith(start) and text in one for one in said):
            wrong.append(f"{number}: expected {kind} {text!r}, got {said}")
    assert not wrong, "\n".join(wrong)


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_generic_classes_can_be_named_with_their_types_at_run_time():
    for generic in (mobula.ObjectRef[int], mobula.RemoteFunction[[int], str]):
        assert generic is not None
    assert mobula.ActorHandle[int].__origin__ is mobula.ActorHandle
    assert mobula.ActorClass[int].__origin__ is mobula.ActorClass


def test_importing_is_quick():
    def seconds(module):
        clock = "time.perf_counter()"
        code = f"import time; start = {clock}; import {module}; print({clock} - start)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        return float(run.stdout)

    # The least of some: other programs on the machine only add. Beside a module of Python's own:
    # machines differ.
    pairs = [(seconds("mobula"), seconds("asyncio")) for _ in range(8)]
    own, of_python = (min(times) for times in zip(*pairs, strict=True))
    assert own < 2.5 * of_python
