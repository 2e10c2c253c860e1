# SPDX-License-Identifier: Apache-2.0
"""ray.util.joblib: joblib's Parallel on actors of the cluster."""

import os
import sys
import time

import joblib
import pytest
from ray.util.joblib import register_ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@pytest.fixture(autouse=True)
def registered():
    register_ray()


def square(x):
    return x * x


def pid_of(_):
    time.sleep(0.05)
    return os.getpid()


def fail(x):
    raise ValueError(f"{x} is wrong")


def test_results_come_in_order_from_several_actors():
    with joblib.parallel_backend("ray"):
        assert joblib.Parallel()(joblib.delayed(square)(i) for i in range(50)) == [
            i * i for i in range(50)
        ]
        pids = joblib.Parallel(batch_size=1)(joblib.delayed(pid_of)(i) for i in range(12))
    assert 1 < len(set(pids)) <= 4
    assert os.getpid() not in pids


def test_the_number_of_jobs_is_the_number_of_actors():
    with joblib.parallel_config("ray", n_jobs=2):
        pids = joblib.Parallel(batch_size=1)(joblib.delayed(pid_of)(i) for i in range(8))
    assert len(set(pids)) == 2
    with joblib.parallel_config("ray", n_jobs=1):
        assert joblib.Parallel()([joblib.delayed(pid_of)(0)]) == [os.getpid()]
    with joblib.parallel_config("ray", n_jobs=0), pytest.raises(ValueError, match="n_jobs"):
        joblib.Parallel()([joblib.delayed(square)(1)])


def test_results_can_be_a_generator():
    with joblib.parallel_config("ray", n_jobs=2):
        results = joblib.Parallel(return_as="generator")(
            joblib.delayed(square)(i) for i in range(9)
        )
        assert list(results) == [i * i for i in range(9)]


def test_the_actors_have_the_options_that_were_given():
    def variable(_):
        return os.environ.get("OF_JOBLIB")

    environment = {"env_vars": {"OF_JOBLIB": "set"}}
    with joblib.parallel_backend("ray", n_jobs=2, ray_remote_args={"runtime_env": environment}):
        assert joblib.Parallel()(joblib.delayed(variable)(i) for i in range(4)) == ["set"] * 4


def test_an_error_is_raised_and_the_backend_goes_on():
    with joblib.parallel_backend("ray"):
        with pytest.raises(ValueError, match="3 is wrong"):
            joblib.Parallel()(joblib.delayed(fail)(3) for _ in range(4))
        assert joblib.Parallel()(joblib.delayed(square)(i) for i in range(3)) == [0, 1, 4]


def test_without_joblib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ImportError, match="pip install joblib"):
        register_ray()
