# SPDX-License-Identifier: Apache-2.0
"""Goal: the examples in docstrings work, and modules say what they offer."""

import doctest
import importlib
import pathlib
import pkgutil
import subprocess
import sys

import mobula
import pytest

PRIVATE_WORLDS = (
    *("mobula._sim", "mobula._virtual", "mobula.sim", "mobula._cli", "mobula.__main__"),
    # Needs an `import ray` that gives something.
    "mobula._microbenchmark.micro_rows",
)
MODULES = ["mobula"] + [
    module.name
    for module in pkgutil.walk_packages(mobula.__path__, "mobula.")
    if not module.name.startswith(PRIVATE_WORLDS)
]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.usefixtures("cluster")
def test_docstring_examples_work(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in finder.find(module, name):
        runner.run(test)
    assert runner.failures == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_sorted_and_there(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert list(names) == sorted(names)
    assert all(hasattr(module, one) for one in names)


def test_importing_has_no_side_effect():
    check = "import threading, sys; import mobula; assert threading.active_count() == 1"
    package = str(pathlib.Path(mobula.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", check],
        env={"PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
