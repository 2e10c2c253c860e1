# SPDX-License-Identifier: Apache-2.0
"""ray.dag: graphs of calls that are bound first and executed later."""

import pytest
import ray
from ray.dag import ClassNode, DAGNode, FunctionNode, InputNode, MultiOutputNode
from ray.dag.input_node import InputAttributeNode

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def add(x, y=0):
    return x + y


@ray.remote
def show(*args, **kwargs):
    return args, kwargs


@ray.remote(num_cpus=0)
class Counter:
    def __init__(self, start=0):
        self.value = start

    def add(self, amount):
        self.value += amount
        return self.value

    def get(self):
        return self.value

    @ray.method(num_returns=2)
    def pair(self):
        return self.value, -self.value


def run(node, *args, **kwargs):
    return ray.get(node.execute(*args, **kwargs), timeout=30)


def test_nothing_runs_before_execute(tmp_path):
    @ray.remote
    def touch(name):
        with open(tmp_path / name, "a") as file:
            file.write("x")
        return name

    node = touch.bind("file")
    assert isinstance(node, FunctionNode)
    assert isinstance(node, DAGNode)
    assert not (tmp_path / "file").exists()
    reference = node.execute()
    assert isinstance(reference, ray.ObjectRef)
    assert ray.get(reference) == "file"
    # Once more, and once for each execution.
    assert run(add.bind(node, node)) == "filefile"
    assert (tmp_path / "file").read_text() == "xx"


def test_nodes_are_arguments():
    assert run(add.bind(add.bind(1, 2), y=add.bind(3))) == 6
    assert run(show.bind(1, a=2)) == ((1,), {"a": 2})


def test_nodes_are_found_inside_arguments():
    (items,), _ = run(show.bind([add.bind(1), {"key": (add.bind(2), 3)}]))
    assert isinstance(items[0], ray.ObjectRef)
    assert ray.get(items[0]) == 1
    second, third = items[1]["key"]
    assert (ray.get(second), third) == (2, 3)


def test_a_deep_graph_is_executed_without_recursion():
    node = add.bind(0)
    for _ in range(1500):
        node = add.bind(node, 1)
    assert len(node._in_order()) == 1501
    last = node
    for _ in range(20):
        last = last.get_args()[0]
    assert isinstance(last, FunctionNode)
    shallow = add.bind(0)
    for _ in range(50):
        shallow = add.bind(shallow, 1)
    assert run(shallow) == 50


def test_options_are_those_of_the_function():
    node = add.options(num_cpus=2, name="named").bind(1)
    assert node.get_options()["num_cpus"] == 2
    assert run(node) == 1
    assert node.get_args() == (1,)
    assert node.get_kwargs() == {}


def test_an_actor_is_made_anew_by_each_execution():
    counter = Counter.bind(10)
    assert isinstance(counter, ClassNode)
    counter.add.bind(2)
    counter.add.bind(add.bind(4))
    last = counter.get.bind()
    # The calls bound before are made, too, in their order.
    assert run(last) == 16
    assert run(last) == 16
    handle = counter.execute()
    assert ray.get(handle.get.remote()) == 10


def test_actors_take_nodes_and_options():
    counter = Counter.options(num_cpus=1).bind(add.bind(1, 2))
    assert run(add.bind(counter.get.bind(), counter.add.bind(5))) == 11
    assert run(counter.get.options(name="renamed").bind()) == 8
    first, second = counter.pair.bind().execute()
    assert ray.get([first, second]) == [8, -8]
    assert counter.get.bind().get_method_name() == "get"


def test_calls_of_an_actor_that_exists():
    handle = Counter.remote(5)
    call = handle.add.bind(2)
    assert run(call) == 7
    assert run(call) == 9
    with InputNode() as amount:
        graph = add.bind(handle.add.bind(amount), 100)
    assert run(graph, 1) == 110


def test_one_input():
    with InputNode() as given:
        graph = add.bind(given, add.bind(given, 1))
    assert run(graph, 1) == 3
    assert run(graph, 10) == 21
    assert run(graph, ray.put(10)) == 21
    assert given.execute(3) == 3
    assert run(show.bind([given]), 5) == (([5],), {})


def test_items_and_attributes_of_the_input():
    with InputNode() as given:
        graph = show.bind(given[0], given[1], third=given.third, fourth=given["fourth"])
        item, attribute = show.bind(given["key"]), show.bind(given.imag)
    assert isinstance(given[0], InputAttributeNode)
    assert given[0].key == 0
    assert run(graph, 1, 2, third=3, fourth=4) == ((1, 2), {"third": 3, "fourth": 4})
    assert run(item, {"key": "value"}) == (("value",), {})
    assert run(item, key="value") == (("value",), {})
    assert run(attribute, 1 + 2j) == ((2.0,), {})


def test_an_actor_can_be_made_from_what_others_make_of_the_input():
    with InputNode() as given:
        graph = Counter.bind(add.bind(given, 1)).add.bind(given)
    assert run(graph, 2) == 5


def test_several_outputs():
    with InputNode() as given:
        once = add.bind(given, 1)
        graph = MultiOutputNode([once, add.bind(once, once)])
    assert run(graph, 1) == [2, 4]
    assert run(MultiOutputNode((once,)), 5) == [6]


def test_errors_travel_along_the_graph():
    @ray.remote
    def fail(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(add.bind(fail.bind(1), 2))


def test_nodes_can_be_pickled():
    with InputNode() as given:
        graph = add.bind(Counter.bind(3).add.bind(given), 1)

    @ray.remote
    def execute(graph):
        return ray.get(graph.execute(4))

    assert ray.get(execute.remote(graph), timeout=30) == 8


def test_inputs_that_are_not_given():
    with InputNode() as given:
        first, second = show.bind(given[1]), show.bind(given.key)
    with pytest.raises(IndexError):
        first.execute(1, a=2)
    with pytest.raises(KeyError):
        second.execute(other=1)
    with pytest.raises(AttributeError):
        second.execute(1)
    with pytest.raises(TypeError):
        first.execute(5)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="should not take any args"):
        InputNode(1)
    with pytest.raises(AssertionError, match="only used in context manager"):
        show.bind(InputNode()).execute(1)
    with InputNode() as given, pytest.raises(ValueError, match="ClassNode constructor"):
        Counter.bind(given)
    with pytest.raises(ValueError, match="int index or str"):
        given[1.5]
    with pytest.raises(ValueError, match="Invalid input type"):
        MultiOutputNode(5)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = Counter.bind().nothing
    with pytest.raises(TypeError):
        Counter.bind().get()
    with pytest.raises(TypeError):
        Counter.bind(1, 2).execute()
    with pytest.raises(ValueError, match="Invalid type of object refs"):
        ray.get(add.bind(1))
    with pytest.raises(ValueError):
        Counter.bind().get.options(num_return=1)


def test_arguments_that_do_not_fit_are_refused_when_bound():
    with pytest.raises(TypeError):
        add.bind().execute()
    with pytest.raises(TypeError):
        Counter.bind().add.bind().execute()
    with pytest.raises(TypeError):
        Counter.remote().add.bind().execute()
