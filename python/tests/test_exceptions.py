# SPDX-License-Identifier: Apache-2.0
"""Goal: the tree is Ray's, and a task's error is an instance of what the task raised."""

import pickle

import pytest
from mobula import _errors, exceptions
from mobula.exceptions import RayError, RayTaskError


class SpecialError(Exception):
    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class UnpicklableError(Exception):
    def __reduce__(self):
        raise TypeError("no")


def caught(error):
    """`error` as if a task had raised it."""
    try:
        raise error
    except Exception as raised:
        data = _errors.encode_exception(raised, "task", "127.0.0.1").to_bytes()
    return _errors.to_exception(_errors.EXCEPTION, data)


def test_every_error_is_a_ray_error_and_listed():
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), RayError)
    assert exceptions.__all__ == sorted(exceptions.__all__)
    assert issubclass(exceptions.ActorDiedError, exceptions.RayActorError)
    assert issubclass(exceptions.OwnerDiedError, exceptions.ObjectLostError)
    assert issubclass(exceptions.GetTimeoutError, TimeoutError)


@pytest.mark.parametrize(
    "error", [ValueError("a"), KeyError("k"), OSError(2, "gone"), SpecialError(1, "x")]
)
def test_the_error_of_a_task_is_of_both_classes(error):
    raised = caught(error)
    assert isinstance(raised, RayTaskError)
    assert isinstance(raised, type(error))
    assert type(error).__name__ in str(raised)
    assert "in caught" in str(raised)
    assert raised.cause.args == error.args


def test_attributes_of_the_cause_are_there():
    raised = caught(SpecialError(42, "detail"))
    assert (raised.code, raised.detail) == (42, "detail")


def test_such_errors_can_be_pickled():
    again = pickle.loads(pickle.dumps(caught(ValueError("once more"))))
    assert isinstance(again, ValueError)
    assert isinstance(again, RayTaskError)
    assert "once more" in str(again)


def test_an_error_passed_on_keeps_its_innermost_cause():
    outer = caught(caught(ValueError("inner")))
    assert isinstance(outer, ValueError)
    assert type(outer.cause) is ValueError
    assert "ValueError: inner" in str(outer)


def test_an_error_that_cannot_be_pickled_arrives_as_text():
    raised = caught(UnpicklableError("text"))
    assert type(raised) is RayTaskError
    assert "UnpicklableError: text" in str(raised)
    assert "stayed behind" in str(raised)


def test_outcomes_of_the_runtime_have_their_classes():
    info = {
        "kind": "kOwnerDied",
        "message": "m",
        "object": "ab",
        "task": "",
        "actor": "",
        "cause": b"",
    }
    error = _errors.from_error_info(info)
    assert type(error) is exceptions.OwnerDiedError
    assert (str(error), error.object_ref_hex) == ("m (ObjectRef ab)", "ab")


def test_the_cause_of_an_actors_death_is_told():
    try:
        raise ValueError("oops")
    except ValueError as raised:
        cause = _errors.encode_exception(raised, "A.__init__", "ip").to_bytes()
    info = {
        "kind": "kActorDied",
        "message": "dead",
        "object": "",
        "task": "",
        "actor": "x",
        "cause": cause,
    }
    error = _errors.from_error_info(info)
    assert type(error) is exceptions.ActorDiedError
    assert "oops" in str(error)
    assert isinstance(error.__cause__.cause, ValueError)
