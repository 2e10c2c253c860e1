# SPDX-License-Identifier: Apache-2.0
"""ray.util.dask: Dask's graphs as tasks of the cluster."""

import operator
import os
import sys
import time

import dask
import dask.array
import pytest
import ray
from ray.util.dask import (
    disable_dask_on_ray,
    enable_dask_on_ray,
    ray_dask_get,
    ray_dask_get_sync,
    ray_dask_persist,
)

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")

# Aliases, lists, nested tasks, keys that are tuples.
GRAPH = {
    "one": 1,
    "alias": "one",
    ("two", 0): (operator.add, "one", "alias"),
    "sum": (sum, ["one", ("two", 0), (operator.mul, ("two", 0), 5)]),
    "text": "not a key",
}


@pytest.mark.parametrize("get", [ray_dask_get, ray_dask_get_sync])
def test_plain_graphs(get):
    assert get(GRAPH, "sum") == 13
    assert get(GRAPH, ["sum", ["one", [("two", 0)]]]) in ([13, [1, [2]]], (13, (1, (2,))))
    assert get(GRAPH, ["text", "alias"])[0] == "not a key"


def test_only_what_is_needed_runs_and_once(tmp_path):
    def touch(name, *needs):
        with open(tmp_path / name, "a") as file:
            file.write("x")
        return name

    graph = {
        "a": (touch, "file a"),
        "b": (touch, "file b", "a"),
        "c": (touch, "file c", "a"),
        "d": (touch, "file d", "b", "c"),
        "other": (touch, "file other"),
    }
    assert ray_dask_get(graph, "d") == "file d"
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {f"file {name}": "x" for name in "abcd"}


def test_tasks_run_at_the_same_time_in_workers():
    @dask.delayed
    def pid(i):
        time.sleep(0.2)
        return os.getpid()

    pids = dask.compute(*[pid(i) for i in range(4)], scheduler=ray_dask_get)
    assert len(set(pids)) > 1
    assert os.getpid() not in pids


def test_delayed_functions():
    @dask.delayed
    def inc(x):
        return x + 1

    @dask.delayed
    def total(xs, scale=1):
        return scale * sum(xs)

    graph = total([inc(i) for i in range(5)], scale=inc(1))
    assert graph.compute(scheduler=ray_dask_get) == 30
    assert graph.compute(scheduler=ray_dask_get_sync) == 30


def test_arrays():
    squares = (dask.array.arange(100, chunks=10) ** 2).sum()
    assert squares.compute(scheduler=ray_dask_get) == sum(i * i for i in range(100))


def test_the_default_scheduler():
    @dask.delayed
    def pid():
        return os.getpid()

    with enable_dask_on_ray():
        assert pid().compute() != os.getpid()
    enable_dask_on_ray()
    assert pid().compute() != os.getpid()
    disable_dask_on_ray()
    assert dask.config.get("scheduler") is None


def test_what_is_persisted_stays(tmp_path):
    @dask.delayed
    def count():
        with open(tmp_path / "runs", "a") as file:
            file.write("x")
        return 5

    [kept] = ray_dask_persist(count())
    assert (kept + 1).compute(scheduler=ray_dask_get) == 6
    assert (kept + 2).compute(scheduler=ray_dask_get) == 7
    assert (tmp_path / "runs").read_text() == "x"
    reference = ray_dask_get({"a": (abs, -1)}, "a", ray_persist=True)
    assert ray.get(reference) == 1


def test_deep_graphs():
    graph = {"x0": 0, **{f"x{i}": (operator.add, f"x{i - 1}", 1) for i in range(1, 300)}}
    assert ray_dask_get(graph, ["x299"])[0] == 299


def test_an_error_of_a_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        ray_dask_get({"a": (operator.floordiv, 1, 0), "b": (abs, "a")}, "b")


def test_options_are_those_of_the_tasks():
    def resources():
        return ray.get_runtime_context().get_assigned_resources()

    found = ray_dask_get({"a": (resources,)}, "a", ray_remote_args={"num_cpus": 2})
    assert found["CPU"] == 2


def test_nonsense_is_refused():
    with pytest.raises(TypeError, match="a dict from keys to tasks"):
        ray_dask_get(5, "a")
    with pytest.raises(KeyError, match="no task 'b'"):
        ray_dask_get({"a": 1}, "b")
    with pytest.raises(ValueError, match="cycle"):
        ray_dask_get({"a": (abs, "b"), "b": (abs, "a")}, "a")
    with pytest.raises(ValueError, match="shuffle"):
        enable_dask_on_ray(shuffle="disk")


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    assert ray_dask_get({"a": (abs, -1)}, "a") == 1
    for call in (enable_dask_on_ray, disable_dask_on_ray, lambda: ray_dask_persist(1)):
        with pytest.raises(ImportError, match="pip install dask"):
            call()


def test_hooks_are_called_around_tasks(ray_start_4_cpus):
    from ray.util.dask import RayDaskCallback

    @ray.remote
    class Log:
        def __init__(self):
            self.entries = []

        def add(self, entry):
            self.entries.append(entry)

        def get(self):
            return self.entries

    log = Log.remote()
    said = []

    class Hooks(RayDaskCallback):
        def __init__(self, log):
            self.log = log
            super().__init__()

        def _ray_presubmit(self, task, key, deps):
            said.append(("presubmit", key, sorted(deps)))
            return 100 if key == "instead" else None

        def _ray_postsubmit(self, task, key, deps, object_ref):
            said.append(("postsubmit", key, ray.get(object_ref)))

        def _ray_pretask(self, key, object_refs):
            ray.get(self.log.add.remote(("pre", key)))
            return f"state of {key}"

        def _ray_posttask(self, key, result, pre_state):
            ray.get(self.log.add.remote(("post", key, result, pre_state)))

        def _ray_postsubmit_all(self, object_refs, dsk):
            said.append(("all", ray.get(object_refs)))

        def _ray_finish(self, result):
            said.append(("finish", result))

    graph = {
        "one": (operator.add, 1, 1),
        "instead": (operator.add, 0, 0),
        "both": (operator.add, "one", "instead"),
    }
    with Hooks(log):
        assert ray_dask_get(graph, ["both"]) == [102]
    assert said == [
        ("presubmit", "instead", []),
        ("presubmit", "one", []),
        ("postsubmit", "one", 2),
        ("presubmit", "both", ["instead", "one"]),
        ("postsubmit", "both", 102),
        ("all", [102]),
        ("finish", [102]),
    ]
    assert ray.get(log.get.remote()) == [
        ("pre", "one"),
        ("post", "one", 2, "state of one"),
        ("pre", "both"),
        ("post", "both", 102, "state of both"),
    ]
    said.clear()
    assert ray_dask_get(graph, ["one"]) == [2] and said == [], "they are in force no more"


def test_registered_hooks_stay_until_they_are_taken_away(ray_start_4_cpus):
    from ray.util.dask import RayDaskCallback, local_ray_callbacks, unpack_ray_callbacks

    seen = []
    callback = RayDaskCallback(ray_finish=seen.append)
    callback.register()
    ray_dask_get({"x": (operator.add, 1, 2)}, "x")
    with local_ray_callbacks() as callbacks:
        assert unpack_ray_callbacks(callbacks).ray_finish_cbs == [seen.append]
        # Graphs inside one with hooks do not see them.
        ray_dask_get({"x": (operator.add, 1, 2)}, "x")
    callback.unregister()
    ray_dask_get({"x": (operator.add, 1, 2)}, "x")
    assert seen == [3]
    with pytest.raises(TypeError, match="RayDaskCallback"):
        ray_dask_get({"x": (operator.add, 1, 2)}, "x", ray_callbacks=[5])


def test_a_progress_bar_counts(ray_start_4_cpus, capsys, wait_for):
    from ray.util.dask import ProgressBarCallback

    with ProgressBarCallback() as bar:
        ray_dask_get({"x": (operator.add, 1, 2), "y": (operator.add, "x", 2)}, "y")
    # Its hooks call it from the tasks, and wait for no answer.
    wait_for(lambda: ray.get(bar.pb.result.remote()) == (2, 2))
    assert ray.get(bar.pb.report.remote())["y"]["execution_time"] >= 0
    assert "All tasks are completed." in capsys.readouterr().out
