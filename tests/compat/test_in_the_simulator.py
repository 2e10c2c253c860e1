# SPDX-License-Identifier: Apache-2.0
"""The files of this folder that need no real processes, once more in the simulator, by seeds."""

import os
import pathlib
import subprocess
import sys

import pytest

FILES = [
    "test_actor_options.py",
    "test_actor_resources.py",
    "test_cancelled.py",
    "test_cross_language.py",
    "test_dag.py",
    "test_dask.py",
    "test_generator_recovery.py",
    "test_generators.py",
    "test_gpus.py",
    "test_helpers.py",
    "test_iter.py",
    "test_joblib.py",
    "test_multiprocessing.py",
    "test_node_labels.py",
    "test_placement_groups.py",
    "test_process_end.py",
    "test_state.py",
    "test_state_tasks.py",
    "test_tqdm.py",
    "test_unhandled_errors.py",
    "test_util.py",
    "test_weak_handles.py",
]

pytestmark = pytest.mark.skipif(
    os.environ.get("COMPAT_AGAINST") == "ray", reason="only mobula has a simulator"
)


@pytest.mark.parametrize("file", FILES)
def test_the_file_passes_in_the_simulator(file):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--mobula-sim", "--mobula-seeds=2", file],
        capture_output=True,
        text=True,
        check=False,
        cwd=pathlib.Path(__file__).parent,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " simulations, " in done.stdout
