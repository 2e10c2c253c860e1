# SPDX-License-Identifier: Apache-2.0
"""Errors of wrong calls, by the words that programs and tests look for."""

import os
import re
import threading
import time

import pytest
import ray
from ray.actor import ActorClassInheritanceException
from ray.util.queue import Empty, Full, Queue

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def echo(value):
    return value


@ray.remote
class Box:
    def __init__(self, value=None):
        self.value = value

    def open(self):
        return self.value


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("max_retries", -2, "The keyword 'max_retries' only accepts None, 0, -1 or a positive"),
        ("num_returns", -1, "The keyword 'num_returns' only accepts None, a non-negative"),
        ("num_cpus", -1, "The quantity of resource num_cpus cannot be negative"),
        ("num_cpus", 1e-5, "The precision of the fractional quantity of resource num_cpus"),
        ("resources", {"a": -1}, "The quantity of resource a cannot be negative"),
        ("resources", {"CPU": 1}, "Use the 'num_cpus' and 'num_gpus' keyword instead of 'CPU'"),
        ("retry_exceptions", [1], "retry_exceptions must be either a boolean or a list of excep"),
        ("max_calls", 1, "Setting 'max_calls' is not supported in '.options()'"),
        ("speed", 1, "Invalid option keyword speed for remote functions. Valid ones are"),
    ],
)
def test_values_that_functions_refuse(option, value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        echo.options(**{option: value})


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("max_restarts", -2, "The keyword 'max_restarts' only accepts None, 0, -1 or a positive"),
        ("max_concurrency", -1, "The keyword 'max_concurrency' only accepts None, 0 or a positive"),
        ("lifetime", "long", "actor `lifetime` argument must be one of 'detached', 'non_detached'"),
        ("concurrency_groups", {}, "Setting 'concurrency_groups' is not supported in '.options()'"),
        ("speed", 1, "Invalid option keyword speed for actors. Valid ones are"),
    ],
)
def test_values_that_actors_refuse(option, value, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Box.options(**{option: value})


@pytest.mark.parametrize(
    ("option", "types"),
    [
        ("num_cpus", (float, int, type(None))),
        ("max_retries", (int, type(None))),
        ("resources", (dict, type(None))),
        ("name", (str, type(None))),
    ],
)
def test_wrong_types_are_type_errors(option, types):
    wrong = object()
    words = f"The type of keyword '{option}' must be {types}, but received type {type(wrong)}"
    with pytest.raises(TypeError, match=re.escape(words)):
        echo.options(**{option: wrong})


def test_decorators_say_how_they_are_used():
    for misuse in (lambda: ray.remote(), lambda: ray.remote(1), lambda: ray.remote(echo, 2)):
        with pytest.raises(Exception, match="decorator must be applied either with no arguments"):
            misuse()


def test_remote_code_is_not_called_directly():
    with pytest.raises(TypeError, match="Remote functions cannot be called directly"):
        echo(1)
    with pytest.raises(TypeError, match="Actors cannot be instantiated directly"):
        Box()
    with pytest.raises(TypeError, match="Actor methods cannot be called directly"):
        Box.remote().open()
    with pytest.raises(ActorClassInheritanceException, match="Inheriting from actor classes"):

        class Derived(Box):
            pass


def test_wait_says_what_it_takes():
    reference = ray.put(1)
    for wrong in (reference, 1, [1]):
        with pytest.raises(TypeError, match=r"wait\(\) expected a list of ray.ObjectRef"):
            ray.wait(wrong)
    with pytest.raises(TypeError):
        ray.wait([reference], num_returns="1")
    for count, words in ((0, "Invalid number of objects to return 0"), (2, "cannot be greater")):
        with pytest.raises(ValueError, match=words):
            ray.wait([reference], num_returns=count)
    with pytest.raises(ValueError, match="list of unique"):
        ray.wait([reference, reference])
    with pytest.raises(ValueError, match="The 'timeout' argument must be nonnegative"):
        ray.wait([reference], timeout=-1)


def test_what_cannot_be_serialized_is_named():
    lock = threading.Lock()

    @ray.remote
    def hold():
        return lock

    with pytest.raises(TypeError, match="Could not serialize the put value"):
        ray.put(lock)
    with pytest.raises(TypeError, match=r"Could not serialize the argument <.*lock.*> for a task"):
        echo.remote(lock)
    with pytest.raises(TypeError, match=r"Could not serialize the function .*hold"):
        hold.remote()


def test_names_are_checked():
    with pytest.raises(ValueError, match="Actor name cannot be an empty string"):
        Box.options(name="")
    with pytest.raises(ValueError, match="actor name must be specified to use `get_if_exists`"):
        Box.options(get_if_exists=True).remote()
    with pytest.raises(ValueError, match="Please supply a non-empty value to get_actor"):
        ray.get_actor("")
    for wrong, kind in ((1, TypeError), ("", ValueError)):
        with pytest.raises(kind):
            ray.get_actor("box", namespace=wrong)
        with pytest.raises(kind):
            Box.options(namespace=wrong)
    box = Box.options(name="words").remote()
    with pytest.raises(ValueError, match=r"already taken\. Please use a different name"):
        Box.options(name="words").remote()
    del box


def test_the_title_of_a_remote_traceback_says_where_the_code_ran():
    @ray.remote
    def fail():
        raise ValueError("seven")

    @ray.remote
    def pass_on():
        return ray.get(fail.remote())

    @ray.remote
    class Failing:
        def fail(self):
            raise ValueError("eight")

    with pytest.raises(ValueError, match="seven") as error:
        ray.get(fail.remote())
    assert re.match(r'ray::fail\(\) \(pid=\d+, ip=[\d.]+\)\n  File "', _plain(error))
    with pytest.raises(ValueError, match="seven") as error:
        ray.get(pass_on.remote())
    assert re.match(r"ray::pass_on\(\) \(", _plain(error)), _plain(error)
    assert "RayTaskError(ValueError): " in _plain(error)
    with pytest.raises(ValueError, match="seven") as error:
        ray.get(echo.remote(fail.remote()))
    assert "At least one of the input arguments for this task could not be compu" in _plain(error)
    with pytest.raises(ValueError, match="eight") as error:
        ray.get(Failing.remote().fail.remote())
    assert re.match(
        r"ray::Failing.fail\(\) \(pid=\d+, ip=[\d.]+, actor_id=[0-9a-f]+, repr=<.*Failing.*>\)",
        _plain(error),
    ), _plain(error)


def _plain(info):
    """The text without the colours that Ray gives it."""
    return re.sub(r"\x1b\[\d+m", "", str(info.value))


def test_a_hook_may_stand_before_a_function():
    """As Ray's libraries have it: what it returns is what the call returns."""

    def reverse(submit):
        return lambda args, kwargs: (submit(args[::-1], {"c": 5}), kwargs)

    def pair(a, b, c=None):
        return a, b, c

    pair.__ray_invocation_decorator__ = reverse
    reference, kwargs = ray.remote(pair).remote(1, 2, c=4)
    assert kwargs == {"c": 4}
    assert ray.get(reference) == (2, 1, 5)


def test_ids_as_objects_are_deprecated():
    context = ray.get_runtime_context()
    for name in ("job_id", "node_id"):
        with pytest.warns(DeprecationWarning, match=rf"Use get_{name}\(\) instead"):
            assert getattr(context, name).hex() == getattr(context, f"get_{name}")()


def test_held_resources_have_ids():
    @ray.remote
    def held():
        return ray._private.worker.get_resource_ids()

    assert ray.get(held.options(num_cpus=0.5).remote()) == {"CPU": [(0, 0.5)]}


def test_a_dashboard_address_from_outside(monkeypatch):
    monkeypatch.setenv("RAY_OVERRIDE_DASHBOARD_URL", "dash.example:80")
    assert ray.get_runtime_context().get_dashboard_url() == "dash.example:80"
    assert os.environ["RAY_OVERRIDE_DASHBOARD_URL"]


def test_remote_tracebacks_show_lines_of_the_program():
    @ray.remote
    def fail():
        raise ValueError("here")  # the line itself

    with pytest.raises(ValueError, match="here") as error:
        ray.get(fail.remote())
    assert 'raise ValueError("here")  # the line itself' in _plain(error)
    assert os.path.basename(__file__) in _plain(error)


def test_remote_tracebacks_have_no_frames_of_the_runtime():
    @ray.remote
    def fail():
        raise ValueError("deep")

    @ray.remote
    def pass_on():
        return ray.get(fail.remote())

    with pytest.raises(ValueError, match="deep") as error:
        ray.get(pass_on.remote())
    files = set(re.findall(r'File "(.*?)"', _plain(error)))
    assert {os.path.basename(name) for name in files} == {os.path.basename(__file__)}, files


def test_groups_of_exceptions_arrive_as_such():
    @ray.remote
    def fail():
        raise ExceptionGroup("several", [ValueError("a"), KeyError("b")])

    with pytest.raises(ExceptionGroup, match="several") as error:
        ray.get(fail.remote())
    assert [type(one) for one in error.value.exceptions] == [ValueError, KeyError]
    assert isinstance(error.value, ray.exceptions.RayTaskError)


def test_an_error_of_a_constructor_is_told_at_each_call():
    @ray.remote
    class Broken:
        def __init__(self):
            raise ValueError("no such thing")

        def ping(self):
            pass

    with pytest.raises(ray.exceptions.RayActorError) as error:
        ray.get(Broken.remote().ping.remote())
    words = "The actor died because of an error raised in its creation task, "
    assert _plain(error).startswith(words + "ray::Broken.__init__() (pid="), _plain(error)
    assert re.search(r"repr=<.*Broken object at 0x", _plain(error)), _plain(error)


def test_an_actor_class_has_what_its_class_has():
    @ray.remote
    class Point:
        ORIGIN = (0, 0)

        def __init__(self, x):
            self.x = x

        @classmethod
        def at(cls, x):
            return cls(x)

    assert Point.ORIGIN == (0, 0)
    assert Point.at(3).x == 3
    assert {name for name in dir(Point) if not name.startswith("_")} == {
        *("ORIGIN", "at", "bind", "options", "remote")
    }
    assert Point.__ray_metadata__.class_name == "Point"
    assert Point.__ray_metadata__.modified_class(1).x == 1


def test_too_large_functions_are_refused():
    large = bytes(100 * 1024 * 1024)

    @ray.remote
    def capture():
        return large[0]

    with pytest.raises(ValueError, match="too large"):
        capture.remote()


def test_functions_say_their_whole_name():
    @ray.remote
    def name():
        return ray.get_runtime_context().get_task_function_name()

    @ray.remote
    class Named:
        def name(self):
            return ray.get_runtime_context().get_task_function_name()

    assert ray.get(name.remote()) == f"{__name__}.name"
    method = ray.get(Named.remote().name.options(name="x").remote())
    assert method.startswith(f"{__name__}.") and method.endswith("Named.name")


def test_a_result_without_a_length_is_not_several():
    @ray.remote(num_returns=2)
    def one():
        return 1

    with pytest.raises(TypeError, match="has no len"):
        ray.get(one.remote()[0])


def test_queues_raise_errors_of_their_own():
    queue = Queue(maxsize=1, actor_options={"num_cpus": 0})
    with pytest.raises(Empty) as empty:
        queue.get_nowait()
    queue.put(1)
    with pytest.raises(Full) as full:
        queue.put_nowait(2)
    assert (type(empty.value), type(full.value)) == (Empty, Full)


def test_what_only_actors_have():
    with pytest.raises(RuntimeError, match="only available in an actor"):
        _ = ray.get_runtime_context().current_actor

    @ray.remote
    class Plain:
        pass

    with pytest.raises(AttributeError, match="'ActorHandle' object has no attribute 'absent'"):
        _ = Plain.remote().absent


def test_a_get_that_takes_too_long():
    @ray.remote
    def slow():
        time.sleep(60)

    with pytest.raises(ray.exceptions.GetTimeoutError, match=r"Get timed out: some object\(s\)"):
        ray.get(slow.remote(), timeout=0.01)


def test_an_actor_with_too_many_calls():
    @ray.remote(max_pending_calls=1)
    class Slow:
        def wait(self):
            time.sleep(60)

    slow = Slow.remote()
    ray.get(slow.__ray_ready__.remote())
    with pytest.raises(
        ray.exceptions.PendingCallsLimitExceeded,
        match=r"more than 1 tasks are queued on the actor.*`max_pending_calls`",
    ):
        _ = [slow.wait.remote() for _ in range(3)]
