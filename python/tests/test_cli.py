# SPDX-License-Identifier: Apache-2.0
# Goal: `mobula --help` tells of every command, and loads none of those it does not run.
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from mobula import _cli


@pytest.mark.parametrize("name", sorted(_cli.LAZY_COMMANDS))
def test_the_help_of_a_command_is_its_own(name):
    command = _cli.cli.get_command(click.Context(_cli.cli), name)
    assert command.get_short_help_str(_cli.HELP_WIDTH) == _cli.LAZY_COMMANDS[name][1]


def test_the_help_lists_all_commands():
    text = CliRunner().invoke(_cli.cli, ["--help"]).output
    listed = [
        line.split()[0] for line in text.split("Commands:\n")[1].splitlines() if line[2] > " "
    ]
    assert listed == sorted({*_cli.LAZY_COMMANDS, *_cli.cli.commands})


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["sim", "--help"]])
def test_what_is_not_needed_is_not_loaded(arguments):
    program = (
        "import sys; from mobula import _cli\n"
        "try: _cli.cli(sys.argv[1:])\n"
        "finally: sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stderr.split()} | set(done.stderr.split())
    assert not loaded & {"rich", "mobula._cluster", "numpy", "cryptography", "psutil", "asyncio"}


def test_an_unknown_command_is_refused():
    done = CliRunner().invoke(_cli.cli, ["strat"])
    assert done.exit_code == 2
    assert "No such command 'strat'" in done.output


def test_the_microbenchmark_measures_the_rows_that_match():
    command = [sys.executable, "-m", "mobula", "microbenchmark", "--quick"]
    done = subprocess.run([*command, "^single client put calls"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, row = done.stdout.splitlines()
    assert row.startswith("single client put calls")
    assert float(row.split()[4].replace(",", "")) > 100
    for pattern, text in (("no such row", "no row has a name"), ("(", "a regular expression")):
        done = subprocess.run([*command, pattern], capture_output=True, text=True)
        assert done.returncode == 2
        assert text in done.stderr
