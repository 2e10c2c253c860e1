# SPDX-License-Identifier: Apache-2.0
"""What `ray.util.state` tells of processes and environments; jobs that say who they are."""

import os

import pytest
import ray
from ray.job_config import JobConfig
from ray.util.state import (
    get_worker,
    list_jobs,
    list_runtime_envs,
    list_workers,
)


@ray.remote
class Speaker:
    def speak(self, text):
        print(text, flush=True)
        return os.getpid(), ray.get_runtime_context().get_worker_id()

    def node(self):
        return ray.get_runtime_context().get_node_id()


def test_processes_are_told_with_their_nodes(ray_start_cluster):
    cluster = ray_start_cluster
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    speakers = [Speaker.options(num_cpus=1).remote() for _ in range(2)]
    pids = {}
    for speaker in speakers:
        pid, worker = ray.get(speaker.speak.remote("hello"))
        view = get_worker(worker)
        assert (view.pid, view.worker_type) == (pid, "WORKER")
        assert view.node_id == ray.get(speaker.node.remote())
        pids[pid] = view.node_id
    assert len(set(pids.values())) == 2
    drivers = list_workers(filters=[("worker_type", "=", "DRIVER")])
    assert [view.pid for view in drivers] == [os.getpid()]
    assert get_worker("00" * 16) is None


def test_runtime_environments_are_told_with_their_users(shutdown_only):
    ray.init(num_cpus=2)
    assert list_runtime_envs() == []
    env = {"env_vars": {"COLOUR": "blue"}}
    speakers = [Speaker.options(runtime_env=env).remote() for _ in range(2)]
    ray.get([speaker.speak.remote("hello") for speaker in speakers])
    (view,) = list_runtime_envs()
    assert (view.runtime_env, view.ref_cnt, view.success) == (env, 2, True)


def test_a_job_says_who_it_is(shutdown_only):
    config = JobConfig(
        ray_namespace="science",
        metadata={"owner": "marie"},
        runtime_env={"env_vars": {"COLOUR": "blue", "SHADE": "dark"}},
        default_actor_lifetime="detached",
    )
    ray.init(num_cpus=1, job_config=config, runtime_env={"env_vars": {"SHADE": "light"}})
    assert ray.get_runtime_context().namespace == "science"
    assert [job.metadata for job in list_jobs()] == [{"owner": "marie"}]

    @ray.remote
    def look():
        child = Speaker.options(name="child").remote()
        ray.get(child.speak.remote("hello"))
        return os.environ["COLOUR"], os.environ["SHADE"]

    assert ray.get(look.remote()) == ("blue", "light")
    # Made by a task of the job, which is over.
    assert ray.get(ray.get_actor("child").speak.remote("again"))
    Speaker.options(name="mortal", lifetime="non_detached").remote()
    assert ray.util.list_named_actors() == ["child"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"jvm_options": ["-x"]}, ValueError),
        ({"_client_job": True}, ValueError),
        ({"code_search_path": "folder"}, ValueError),
        ({"default_actor_lifetime": "long"}, ValueError),
        ({"ray_namespace": 5}, TypeError),
        ({"runtime_env": {"conda": "base"}}, ValueError),
    ],
)
def test_nonsense_about_a_job_is_refused(wrong, error):
    with pytest.raises(error):
        JobConfig(**wrong)


def test_a_job_config_has_its_own_class():
    with pytest.raises(ValueError, match="JobConfig"):
        ray.init(job_config={"ray_namespace": "x"})


def test_ids_of_everything():
    unique = [ray.UniqueID, ray.FunctionID, ray.ActorClassID, ray.NodeID, ray.WorkerID]
    for kind in [*unique, ray.ClusterID, ray.ActorID, ray.PlacementGroupID]:
        one, other = kind.from_random(), kind.from_random()
        assert one != other and not one.is_nil()
        assert kind.from_hex(one.hex()) == kind.from_binary(one.binary()) == one
    assert all(issubclass(kind, ray.UniqueID) for kind in unique)
    for kind in [*unique, ray.ActorID, ray.JobID, ray.TaskID, ray.PlacementGroupID]:
        nothing = kind.nil()
        assert nothing.is_nil() and nothing == kind.nil() and hash(nothing) == hash(kind.nil())
        assert set(nothing.binary()) == {255} and len(nothing.binary()) == kind.size()
        with pytest.raises(ValueError, match=f"length {kind.size()}, got 3"):
            kind(b"abc")
        with pytest.raises(TypeError, match="expected bytes"):
            kind(5)
    assert ray.JobID.from_int(3).int() == 3 and ray.JobID.from_int(3) != ray.JobID.from_int(4)
    assert ray.ObjectID is ray.ObjectRef
    assert {language.name for language in ray.Language} == {"PYTHON", "JAVA", "CPP"}


def test_references_have_ids_as_names(shutdown_only):
    ray.init(num_cpus=1)
    reference = ray.put(1)
    assert len(reference.binary()) == reference.size() == ray.ObjectRef.size()
    assert ray.ObjectRef.from_binary(reference.binary()) == reference
    assert reference.job_id().hex() == ray.get_runtime_context().get_job_id()
    assert isinstance(reference.task_id(), ray.TaskID) and not reference.is_nil()
    assert ray.ObjectRef.nil().is_nil() and ray.ObjectRef.nil() == ray.ObjectRef.nil()
    with pytest.raises(ValueError, match=f"length {ray.ObjectRef.size()}, got 3"):
        ray.ObjectRef(b"abc")


def test_contexts_name_their_session(shutdown_only):
    ray.init(num_cpus=1)
    context = ray.get_runtime_context()

    @ray.remote
    def look():
        inside = ray.get_runtime_context()
        return inside.get_session_name(), inside.get_temp_dir()

    assert ray.get(look.remote()) == (context.get_session_name(), context.get_temp_dir())
    assert context.get_session_name() and os.path.isdir(context.get_temp_dir())


@pytest.mark.parametrize("look", [ray.nodes, ray.cluster_resources, ray.available_resources])
def test_who_looks_starts_no_cluster(look):
    assert not ray.is_initialized()
    with pytest.raises(ray.exceptions.RaySystemError, match="Ray has not been started yet"):
        look()
    with pytest.raises(RuntimeError, match="Ray has not been started yet"):
        ray.timeline()
    assert not ray.is_initialized()
