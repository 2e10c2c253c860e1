# SPDX-License-Identifier: Apache-2.0
"""What drivers are told of errors that nobody looks at."""

import time

import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote(max_retries=0)
def fail(text="failed", after=0.0):
    time.sleep(after)
    raise ValueError(text)


@ray.remote
def ping(argument=None):
    return "pong"


@ray.remote
class Failing:
    def fail(self):
        raise ValueError("of an actor")

    def ping(self):
        return "pong"


@pytest.fixture
def told(monkeypatch):
    """The errors that the driver was told of, each by its last line."""
    errors = []
    monkeypatch.setattr(
        ray._private.worker,
        "_unhandled_error_handler",
        lambda error: errors.append(str(error).strip().splitlines()[-1]),
    )
    return errors


def see_that_nothing_comes(told):
    """An error that is let go now is told after all that was let go before."""
    reference = fail.remote("the last")
    ray.wait([ping.remote()])
    del reference
    deadline = time.time() + 20
    while "ValueError: the last" not in told and time.time() < deadline:
        time.sleep(0.02)
    assert told == ["ValueError: the last"]


def test_an_error_that_is_let_go_is_told(told, wait_for):
    reference = fail.remote()
    other = fail.remote("another")
    ray.get(ping.remote())
    del reference
    wait_for(lambda: told == ["ValueError: failed"])
    del other
    wait_for(lambda: told == ["ValueError: failed", "ValueError: another"])


def test_an_error_that_comes_after_its_last_reference_went_is_told(told, wait_for):
    fail.remote(after=0.2)
    wait_for(lambda: told == ["ValueError: failed"])


def test_an_error_of_an_actors_call_is_told(told, wait_for):
    actor = Failing.remote()
    actor.fail.remote()
    assert ray.get(actor.ping.remote()) == "pong"
    wait_for(lambda: told == ["ValueError: of an actor"])


def test_an_error_that_somebody_got_is_not_told(told):
    reference = fail.remote()
    with pytest.raises(ValueError):
        ray.get(reference)
    del reference
    see_that_nothing_comes(told)


def test_an_error_that_was_waited_for_is_not_told(told):
    reference = fail.remote()
    ray.wait([reference])
    del reference
    see_that_nothing_comes(told)


def test_an_error_whose_argument_fails_another_task_is_told_of_that_one(told):
    with pytest.raises(ValueError):
        ray.get(ping.remote(fail.remote()))
    see_that_nothing_comes(told)


def test_the_programs_user_can_have_peace(told, monkeypatch):
    monkeypatch.setenv("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    fail.remote()
    actor = Failing.remote()
    actor.fail.remote()
    assert ray.get(actor.ping.remote()) == "pong"
    time.sleep(0.2)
    monkeypatch.delenv("RAY_IGNORE_UNHANDLED_ERRORS")
    see_that_nothing_comes(told)


def test_what_somebody_meant_is_not_told(told):
    ping.remote()
    leaver, actor = Failing.remote(), Failing.remote()
    leaver.__ray_terminate__.remote()
    ray.kill(actor)
    actor.ping.remote()
    ray.cancel(fail.remote(after=20))
    ray.get(ping.remote())
    see_that_nothing_comes(told)
