# SPDX-License-Identifier: Apache-2.0
"""What the tests of the package share."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import mobula
import pytest

# A shell's job in the background ignores it, and so would all programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def cluster():
    """A local cluster for all tests of a file."""
    yield mobula.init(num_cpus=4, include_dashboard=False, ignore_reinit_error=True)
    mobula.shutdown()


@pytest.fixture
def no_cluster():
    """Nothing runs before; whatever the test starts is ended after it."""
    assert not mobula.is_initialized()
    yield
    mobula.shutdown()


def _wait_for(condition, what, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def program(tmp_path):
    """Runs a program's text in a Python of its own: (exit code, stdout, stderr)."""

    def run(text, timeout=60, **environment):
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text))
        package = str(pathlib.Path(mobula.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, str(path)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "PYTHONPATH": package, **environment},
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="session")
def wait_for():
    """Waits until `condition()` is true: wait_for(condition, what)."""
    return _wait_for
