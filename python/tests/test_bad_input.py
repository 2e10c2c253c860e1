# SPDX-License-Identifier: Apache-2.0
"""Goal: each kind of bad input gets a clear error; nothing is lost and nothing hangs."""

import io
import os
import sys
import threading

import mobula
import pytest
from mobula import exceptions
from mobula.util import state

pytestmark = pytest.mark.usefixtures("cluster")


@mobula.remote
def identity(x):
    return x


@mobula.remote(num_cpus=0)
class Fragile:
    def __init__(self, fail=False):
        if fail:
            raise ValueError("no such thing")

    def hello(self):
        return "hello"


def test_arguments_that_do_not_fit_are_refused_at_the_call():
    with pytest.raises(TypeError, match=r"identity\(\): missing a required argument: 'x'"):
        identity.remote()
    with pytest.raises(TypeError, match="too many"):
        identity.remote(1, 2)
    with pytest.raises(TypeError, match="unexpected"):
        identity.remote(x=1, y=2)
    with pytest.raises(TypeError):
        Fragile.remote(1, 2)


@pytest.mark.parametrize("wrong", [1, "text", None, {}])
def test_get_of_something_else_says_what_it_takes(wrong):
    with pytest.raises(ValueError, match="takes an ObjectRef or a list of ObjectRefs"):
        mobula.get(wrong)
    with pytest.raises(TypeError, match="which is not an ObjectRef"):
        mobula.get([wrong])


def test_arguments_that_cannot_be_pickled_are_named():
    with pytest.raises(TypeError, match=r"argument 0 of identity\(\): its key 'a'|item \['a'\]"):
        identity.remote({"a": threading.Lock()})
    with pytest.raises(TypeError, match=r"argument 'x' of identity\(\)"):
        identity.remote(x=threading.Lock())


def test_results_that_cannot_be_pickled_fail_the_task():
    @mobula.remote
    def bad():
        return threading.Lock()

    with pytest.raises(TypeError, match="what bad returned"):
        mobula.get(bad.remote())


def test_infeasible_resources_are_named_and_the_task_is_listed(monkeypatch, wait_for):
    @mobula.remote(resources={"moonstone": 2})
    def dig():
        pass

    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    reference = dig.remote()
    wait_for(lambda: "moonstone" in stderr.getvalue(), "a warning")
    tasks = [task for task in state.list_tasks() if task["name"] == "dig"]
    assert len(tasks) == 1
    assert tasks[0]["state"] == "PENDING_NODE_ASSIGNMENT"
    mobula.cancel(reference)
    with pytest.raises(exceptions.TaskCancelledError):
        mobula.get(reference, timeout=10)


def test_a_worker_that_dies_is_told_after_the_retries(tmp_path):
    marks = tmp_path / "marks"

    @mobula.remote(max_retries=1)
    def die():
        with open(marks, "a") as file:
            file.write("x")
        os._exit(1)

    with pytest.raises(exceptions.WorkerCrashedError, match="die"):
        mobula.get(die.remote(), timeout=30)
    assert marks.read_text() == "xx"


def test_a_constructor_that_raises_is_told_at_the_first_call():
    actor = Fragile.remote(fail=True)
    with pytest.raises(exceptions.ActorDiedError, match="no such thing"):
        mobula.get(actor.hello.remote(), timeout=30)


def test_init_twice_is_refused_unless_ignored():
    with pytest.raises(RuntimeError, match="ignore_reinit_error"):
        mobula.init()
    assert mobula.init(ignore_reinit_error=True)["node_id"]


def test_an_object_larger_than_the_store_is_refused(program):
    code, out, err = program(
        """
        import numpy
        import mobula
        mobula.init(num_cpus=1, object_store_memory=40_000_000, include_dashboard=False)
        large = numpy.zeros(10_000_000)

        @mobula.remote
        def make():
            return numpy.zeros(10_000_000)

        @mobula.remote
        def use(array):
            return array[0]

        for attempt in (
            lambda: mobula.put(large),
            lambda: use.remote(large),
            lambda: mobula.get(make.remote()),
        ):
            try:
                attempt()
            except mobula.exceptions.ObjectStoreFullError as error:
                print("80000" in str(error) and "40000000" in str(error))
        print(mobula.get(use.remote(numpy.ones(1_000_000))))
        """
    )
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines() if line[:1] in "TF1"] == ["True"] * 3 + [
        "1.0"
    ]


def test_wrong_kinds_are_refused():
    with pytest.raises(ValueError, match="only supported for actors"):
        mobula.kill(identity.remote(1))
    with pytest.raises(TypeError, match="only supported for object refs"):
        mobula.cancel(Fragile.remote())
    with pytest.raises(ValueError, match="nobody"):
        mobula.get_actor("nobody")
    with pytest.raises(TypeError, match="use the reference itself"):
        mobula.put(mobula.put(1))
    with pytest.raises(AttributeError, match="has no method 'bye'; it has: hello"):
        Fragile.remote().bye.remote()


def test_the_cluster_still_works():
    assert mobula.get([identity.remote(i) for i in range(10)]) == list(range(10))


def test_placement_groups_say_what_they_take():
    with pytest.raises(ValueError, match="remove_placement_group takes a PlacementGroup"):
        mobula.util.remove_placement_group("mine")
    with pytest.raises(ValueError, match="placement_group_table takes a PlacementGroup"):
        mobula.util.placement_group_table("mine")
    with pytest.raises(ValueError, match="takes a string"):
        mobula.util.placement_group([{"CPU": 1}], name=1)
    with pytest.raises(ValueError, match="numbers of at least 0"):
        mobula.util.placement_group([{"CPU": -1}])
    group = mobula.util.placement_group([{"CPU": 1}], name="bad input")
    with pytest.raises(ValueError, match="timeout_seconds takes a number of at least 0"):
        group.wait("long")
    with pytest.raises(ValueError, match="is taken in namespace"):
        mobula.util.placement_group([{"CPU": 1}], name="bad input")
    mobula.util.remove_placement_group(group)
