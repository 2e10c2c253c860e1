# SPDX-License-Identifier: Apache-2.0
"""Python calls C++, and C++ calls Python: values, errors, actors, and where they run."""

import array
import os
import pathlib
import re
import subprocess
import sys

import numpy
import pytest
import ray
from ray.cross_language import cpp_actor_class, cpp_function
from ray.exceptions import ActorDiedError, CrossLanguageError, GetTimeoutError, RayError
from ray.job_config import JobConfig

HERE = pathlib.Path(__file__).parent
BUILD = HERE.parents[1] / "build/release"
LIBRARY = BUILD / "lib/libcross_language.so"
IS_SIMULATED = "mobula._sim_hub" in sys.modules

pytestmark = pytest.mark.skipif(
    os.environ.get("COMPAT_AGAINST") == "ray", reason="the library is one of mobula"
)


@pytest.fixture
def cluster():
    paths = [str(LIBRARY), str(HERE)]
    yield ray.init(num_cpus=4, num_gpus=2, job_config=JobConfig(code_search_path=paths))
    ray.shutdown()


def call(name, *args):
    return ray.get(cpp_function(name).remote(*args))


def make_counter(start, **options):
    return cpp_actor_class("MakeCounter", "Counter").options(**options).remote(start)


# ---- Values


def test_numbers_text_and_nothing(cluster):
    assert call("Add", 2, -5) == -3
    assert call("Greet", "Zoë") == "hello Zoë"
    assert call("Nothing") is None


def test_lists_dictionaries_and_tuples(cluster):
    assert call("Lengths", ["a", "bcd"]) == {"a": 1, "bcd": 3}
    # A struct of C++ is a list of its fields.
    assert call("Mixed", True, None, [1, 2]) == [False, None, [2, 4.0]]
    assert call("Mixed", False, 7, (1, 0.5)) == [True, 7, [2, 1.0]]


def test_bytes(cluster):
    assert call("Reverse", b"\x00abc\xff") == b"\xffcba\x00"


@pytest.mark.parametrize(
    "numbers",
    [[0.5, 1, 2], array.array("f", [1, 2.5]), numpy.arange(3), numpy.ones(1000, numpy.float32)],
    ids=["list", "array", "ints", "floats"],
)
def test_arrays_of_numbers_of_any_type_that_fits(cluster, numbers):
    assert call("Sum", numbers) == sum(numbers)


def test_values_that_are_too_large_for_a_message(cluster):
    count = 100_000
    assert call("Count", count) == list(range(count))
    assert call("Sum", numpy.ones(count)) == count
    # From the store of objects to C++ again.
    assert call("Sum", cpp_function("Count").remote(count)) == sum(range(count))


def test_references_are_resolved_or_travel_inside(cluster):
    first = cpp_function("Add").remote(1, 2)
    assert call("Add", first, ray.put(4)) == 7
    assert call("Await", [first]) == 3
    inner = call("Later", [ray.put(1), first])
    assert ray.get(inner) == 3


# ---- What cannot be


@pytest.mark.parametrize(
    "value, named", [(object(), "builtins.object"), (2**70, "64 bits"), ([{1: 1j}], "complex")]
)
def test_what_cpp_has_no_type_for_is_refused(cluster, value, named):
    with pytest.raises(TypeError, match=f"argument 0 of Greet.*{named}"):
        cpp_function("Greet").remote(value)


def test_keywords_and_results_of_python_only_are_refused(cluster):
    with pytest.raises(TypeError, match="no keyword arguments; got: a"):
        cpp_function("Add").remote(1, a=2)
    for add in (cpp_function("Add"), make_counter(0).Add):
        with pytest.raises(ValueError, match="calls return one value; num_returns is 2"):
            add.options(num_returns=2).remote(1)
        with pytest.raises(ValueError, match="throws no class of Python"):
            add.options(retry_exceptions=[OSError]).remote(1)
    with pytest.raises(ValueError, match="there is no max_pending_calls"):
        make_counter(0, max_pending_calls=1)
    for name in ("", None, 7):
        with pytest.raises(ValueError, match="known by its name"):
            cpp_function(name)


@pytest.mark.parametrize(
    "name, args, said",
    [
        ("Add", ("1", 2), "expected a whole number, got text"),
        ("Add", (1.5, 2), "expected a whole number, got a number"),
        ("Add", (1 << 40, 2), "1099511627776 does not fit"),
        ("Add", (1,), "wrong number of arguments"),
        ("Sum", ([1, "x"],), "expected a number, got text"),
        ("Missing", (), "no C\\+\\+ library of the job has the remote function Missing.*Add"),
        ("MakeCounter", (1,), "MakeCounter is no function"),
    ],
)
def test_wrong_calls_say_what_was_expected(cluster, name, args, said):
    with pytest.raises(CrossLanguageError, match=said):
        call(name, *args)


def test_a_pickled_object_is_no_value_for_cpp(cluster):
    with pytest.raises(CrossLanguageError, match="pickled Python object"):
        call("Sum", ray.put([1.0]))


def test_a_job_without_libraries_says_so(shutdown_only):
    ray.init(num_cpus=1)
    with pytest.raises(CrossLanguageError, match="code_search_path of JobConfig"):
        call("Add", 1, 2)


def test_a_library_that_cannot_be_loaded_is_named(shutdown_only, tmp_path):
    broken = tmp_path / "broken.so"
    broken.write_text("mobula_library, it says")
    ray.init(num_cpus=1, job_config=JobConfig(code_search_path=[str(tmp_path)]))
    with pytest.raises(CrossLanguageError, match=r"cannot load the program .*broken\.so"):
        call("Add", 1, 2)


# ---- Errors


def test_what_cpp_throws_is_a_cross_language_error(cluster):
    with pytest.raises(CrossLanguageError) as caught:
        call("Fail", "no such luck")
    assert isinstance(caught.value, RayError)
    assert "An exception raised from CPP" in str(caught.value)
    assert "Fail threw std::runtime_error: no such luck" in str(caught.value)


def test_it_passes_through_python(cluster):
    @ray.remote
    def outer():
        return call("Fail", "far away")

    with pytest.raises(CrossLanguageError, match="far away"):
        ray.get(outer.remote())


SIDE = "cross_language_side"


@pytest.mark.parametrize(
    "module, function, said",
    [
        (
            SIDE,
            "fail",
            "side:fail raised in Python:\n(.*\n)*.*in fail\n(.*\n)*ValueError: from Python",
        ),
        (SIDE, "unreadable", "TypeError: what .*:unreadable returned has a builtins.object"),
        (SIDE, "no_arguments", "TypeError: no_arguments.*takes 0 positional arguments"),
        (SIDE, "missing", "AttributeError: module .* has no attribute 'missing'"),
        (SIDE, "number", "TypeError: .*:number is no function or class, but int"),
        (SIDE, "text", "expected a whole number, got text"),
        ("no_such_module", "f", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_python_raises_reaches_cpp(cluster, module, function, said):
    assert re.search(said, call("Caught", module, function))


@pytest.mark.parametrize(
    "class_name, method, said",
    [
        ("Counter", "missing", "AttributeError: .*missing"),
        ("Demanding", "add", "TypeError: .*missing 1 required positional argument: 'two'"),
        ("Asynchronous", "add", "is an asyncio actor, which C\\+\\+ cannot make"),
        ("twice", "add", "TypeError: .*:twice is no class, but function"),
        ("Missing", "add", "AttributeError: .*'Missing'"),
    ],
)
def test_what_actors_of_python_raise_reaches_cpp(cluster, class_name, method, said):
    assert re.search(said, call("CaughtOfActor", class_name, method))


def test_exceptions_between_two_tasks_of_python_are_readable_for_cpp(cluster):
    @ray.remote
    def fail():
        raise ValueError("of Python \ud800")

    text = call("CaughtInList", [fail.remote()])
    assert "fail raised in Python" in text
    assert "ValueError: of Python \\ud800" in text


# ---- Actors


def test_an_actor_of_cpp_keeps_its_state(cluster):
    counter = make_counter(10)
    assert ray.get([counter.Add.remote(1), counter.Add.remote(2)]) == [11, 13]
    assert call("AddThrough", counter, 4) == 17
    assert ray.get(counter.Restarted.remote()) is False
    ray.kill(counter)
    with pytest.raises(ActorDiedError):
        ray.get(counter.Add.remote(1))


def test_an_actor_that_cannot_be_made(cluster):
    with pytest.raises(ActorDiedError, match="a counter starts at 0 or above"):
        ray.get(make_counter(-1).Add.remote(1))
    with pytest.raises(ActorDiedError, match="makes no actor"):
        ray.get(cpp_actor_class("Add", "Counter").remote(1, 2).Add.remote(1))


def test_methods_are_checked_against_the_class(cluster):
    wrong = cpp_actor_class("MakeOther", "Counter").remote()
    with pytest.raises(CrossLanguageError, match="no method of this actor's class"):
        ray.get(wrong.Add.remote(1))
    with pytest.raises(CrossLanguageError, match="no remote function Counter::Missing"):
        ray.get(make_counter(0).Missing.remote())


def test_actors_are_found_by_name_from_both_sides(cluster):
    counter = make_counter(1, name="of C++", namespace="here")
    assert ray.get(ray.get_actor("of C++", namespace="here").Add.remote(1)) == 2
    other = make_counter(5, name="for C++")
    assert call("AddByName", "for C++", 1) == 6
    assert ray.get(counter.Namespace.remote()) == ray.get_runtime_context().namespace
    del other


def test_an_actor_leaves_on_purpose(cluster):
    counter = make_counter(1, max_restarts=-1)
    with pytest.raises(ActorDiedError, match="ExitActor"):
        ray.get(counter.Leave.remote())
    with pytest.raises(ActorDiedError):
        ray.get(counter.Add.remote(1))


def test_calls_of_a_concurrent_actor_overlap(cluster):
    counter = make_counter(3, max_concurrency=3)
    assert ray.get([counter.Meet.remote(3) for _ in range(3)], timeout=60) == [3, 3, 3]


def test_handles_made_by_cpp_come_back(cluster):
    counter = call("Make", 20)
    assert ray.get(counter.Add.remote(2)) == 22
    # Of Python, made by C++, passed to C++ again.
    of_python = call("MakeInPython", 30)
    assert ray.get(of_python.add.remote(1)) == 31
    assert call("AddInPython", of_python, 1) == 32
    assert ray.get(ray.get_actor("of Python").add.remote(1)) == 33


class Waiting:
    def __init__(self, start):
        self.value = start

    async def add(self, amount):
        self.value += amount
        return self.value


class Plain:
    def __init__(self, start):
        self.value = start

    def add(self, amount):
        self.value += amount
        return self.value


def test_handles_of_python_go_to_cpp(cluster):
    for cls in (Waiting, Plain):
        counter = ray.remote(cls).options(name=cls.__name__).remote(1)
        assert call("AddInPython", counter, 1) == 2
        # One that was looked up keeps no actor alive, and says so when it travels.
        assert call("AddInPython", ray.get_actor(cls.__name__), 1) == 3
        assert ray.get(counter.add.remote(1)) == 4


# ---- Python from C++


def test_a_task_of_cpp_calls_a_function_of_python(cluster):
    assert call("Twice", 21) == 42


def test_a_program_of_cpp_calls_python():
    if IS_SIMULATED:
        pytest.skip("starts processes, for which a simulated clock does not wait")
    done = subprocess.run(
        [
            *(BUILD / "bin/mobula_cpp_run", "--library", LIBRARY, "--cpus", "3"),
            *("--python", sys.executable, "--python-path", HERE),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["12", "a-b", "16", "yes", "dead"], done.stderr


@pytest.mark.parametrize(
    "host, said",
    [
        ("mobula_cpp_run", "no Python worker can be started"),
        ("mobula_cpp_sim", "cross_language_side:twice is a Python function, and no Python"),
    ],
)
def test_a_program_of_cpp_is_told_where_no_python_runs(host, said):
    if IS_SIMULATED:
        pytest.skip("starts processes, for which a simulated clock does not wait")
    done = subprocess.run(
        [BUILD / "bin" / host, "--cpus", "1", "--library", LIBRARY],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert said in done.stderr


# ---- Where it runs


def test_options_of_calls_hold_in_cpp(cluster):
    assert ray.get(cpp_function("Gpus").options(num_gpus=1).remote()) in ([0], [1])
    assert call("GpusHeld", 2.0) == 2
    slow = make_counter(0).Slow.remote(60_000)
    with pytest.raises(GetTimeoutError):
        ray.get(slow, timeout=0.1)


def test_labels_choose_the_node(ray_start_cluster):
    for place in ("here", "there"):
        ray_start_cluster.add_node(num_cpus=2, labels={"place": place})
    ray.init(
        address=ray_start_cluster.address,
        job_config=JobConfig(code_search_path=[str(LIBRARY.parent)]),
    )
    assert [call("PlaceOf", place) for place in ("here", "there")] == ["here", "there"]


def test_environment_variables(cluster):
    if IS_SIMULATED:
        pytest.skip("simulated processes of C++ share the environment")
    environment = {"env_vars": {"COLOUR": "blue"}}
    coloured = cpp_function("Variable").options(runtime_env=environment)
    assert ray.get(coloured.remote("COLOUR")) == "blue"
    assert call("VariableOfChild", "COLOUR", "red") == "red"
    assert call("Variable", "COLOUR") == ""
