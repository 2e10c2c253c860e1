# SPDX-License-Identifier: Apache-2.0
"""What Ray's own tests import, by Ray's names."""

import socket

import pytest
import ray
from ray._common.network_utils import build_address, parse_address
from ray._common.utils import binary_to_hex, hex_to_binary
from ray._private import ray_constants
from ray._private.test_utils import (
    check_call_ray,
    check_call_subprocess,
    dicts_equal,
    get_error_message,
    init_error_pubsub,
    is_placement_group_removed,
    placement_group_assert_no_leak,
    wait_for_condition,
    wait_until_server_available,
)
from ray.experimental import internal_kv
from ray.tests.client_test_utils import create_remote_signal_actor

pytestmark = pytest.mark.usefixtures("ray_start_regular")


def test_both_names_of_lists_are_there():
    from ray.util.state import list_nodes
    from ray.util.state.api import list_nodes as same
    from ray.util.state.exception import RayStateApiException

    with pytest.warns(DeprecationWarning, match=r"Use ray\.util\.state\.api instead"):
        from ray.experimental.state.api import list_nodes as older
    assert older is same is list_nodes
    assert issubclass(RayStateApiException, Exception)


def test_tables_of_options():
    from ray._common import ray_option_utils

    assert "max_calls" in ray_option_utils.task_options
    assert "max_restarts" in ray_option_utils.actor_options
    assert ray_option_utils.valid_options["num_cpus"].type_constraint == (float, int, type(None))
    defaults = {name: one.default_value for name, one in ray_option_utils.task_options.items()}
    assert ray.get(ray.remote(**defaults)(lambda: 1).remote()) == 1


def test_keys_are_removed_by_their_beginning():
    for key in ("a1", "a2", "b"):
        internal_kv._internal_kv_put(key, "x", namespace="n")
    assert internal_kv._internal_kv_del("a", del_by_prefix=True, namespace="n") == 2
    assert internal_kv._internal_kv_list("", namespace="n") == [b"b"]
    with pytest.raises(RuntimeError, match="@namespace_"):
        internal_kv._internal_kv_put("@namespace_x", "y")


def test_detached_actors_without_a_namespace_are_warned_of():
    ray.shutdown()
    ray.init(num_cpus=1)

    @ray.remote
    class Lost:
        pass

    errors = init_error_pubsub()
    actor = Lost.options(name="lost", lifetime="detached").remote()
    (error,) = get_error_message(errors, 1)
    assert error["type"] == ray_constants.DETACHED_ACTOR_ANONYMOUS_NAMESPACE_ERROR
    ray.kill(actor)


def test_small_helpers(tmp_path):
    assert hex_to_binary(binary_to_hex(b"\x01\xff")) == b"\x01\xff"
    assert parse_address(build_address("::1", 1)) == ("::1", "1")
    assert dicts_equal({"a": 1.0}, {"a": 1.00001}) and not dicts_equal({"a": 1}, {"b": 1})
    assert check_call_subprocess(["echo", "hello"], capture_stdout=True) == b"hello\n"
    assert b"Usage" in check_call_ray(["--help"], capture_stdout=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert wait_until_server_available(f"127.0.0.1:{server.getsockname()[1]}")
    signal = create_remote_signal_actor(ray).remote()
    ray.get(signal.send.remote())
    assert ray.get(signal.wait.remote()) is None


def test_groups_give_back_what_they_held():
    group = ray.util.placement_group([{"CPU": 1}])
    ray.get(group.ready())
    placement_group_assert_no_leak([group])
    assert is_placement_group_removed(group)
    wait_for_condition(lambda: ray.available_resources().get("CPU") == 1)


def test_options_of_init_that_have_no_effect_do_no_harm(caplog):
    ray.shutdown()
    ray.init(num_cpus=1, local_mode=True, _temp_dir="/nowhere", dashboard_host="0.0.0.0")
    told = caplog.text
    assert ray.get(ray.remote(lambda: 1).remote()) == 1
    for option in ("local_mode", "_temp_dir", "dashboard_host"):
        assert option in told, told
    assert "Started a local Ray instance." in told


def test_only_new_clusters_are_told_what_they_have(ray_start_cluster):
    ray.shutdown()
    ray_start_cluster.add_node(num_cpus=1, node_name="first")
    address = ray_start_cluster.address
    for options, what in (
        ({"num_cpus": 1}, "num_cpus and num_gpus"),
        ({"resources": {"a": 1}}, "resources"),
        ({"object_store_memory": 10**8}, "object_store_memory"),
        ({"labels": {"a": "b"}}, "labels"),
    ):
        with pytest.raises(ValueError, match=f"to an existing cluster, {what} must not be provid"):
            ray.init(address=address, **options)
    ray.init(address=address)
    assert [node["NodeName"] for node in ray.nodes()] == ["first"]


def test_the_dashboard_is_where_init_said(ray_start_regular):
    context = ray.get_runtime_context()
    assert context.get_dashboard_url() == ray_start_regular.address_info["webui_url"]
    ray.shutdown()
    ray.init(num_cpus=1, include_dashboard=False)
    assert ray.get_runtime_context().get_dashboard_url() == ""
