# SPDX-License-Identifier: Apache-2.0
"""Goal: references behave as Python objects do, count while they live, and get needs no luck."""

import gc
import pickle
import weakref

import mobula
import pytest
from mobula import _core
from mobula._runtime import current

pytestmark = pytest.mark.usefixtures("cluster")


def known_objects():
    return {view["reference"][:20] for view in current().runtime.process.references()}


def test_equal_references_are_one_key():
    first = mobula.put(1)
    second = mobula.put(2)
    again = pickle.loads(pickle.dumps(first))
    assert again is not first and again == first and hash(again) == hash(first)
    assert first != second and first != first.hex()
    assert {first, again, second} == {first, second}
    assert sorted([first, second]) == sorted([second, first])


def test_a_reference_counts_until_its_last_object_is_gone():
    reference = mobula.put("value")
    name = reference.binary()
    watcher = weakref.ref(reference)
    holder = {"key": [reference]}
    del reference
    assert name in known_objects()
    holder.clear()
    gc.collect()
    assert watcher() is None
    assert name not in known_objects()


def test_one_that_was_made_past_the_constructor_refers_to_nothing():
    empty = object.__new__(mobula.ObjectRef)
    assert empty.binary() == bytes(20)
    del empty


def test_get_takes_lists_and_tuples_of_ready_and_pending_ones():
    @mobula.remote
    def double(x):
        return 2 * x

    ready = mobula.put(1)
    references = (ready, double.remote(2), mobula.put([3]), mobula.put(None), ready)
    assert mobula.get(references) == [1, 4, [3], None, 1]
    assert mobula.get(list(references)) == [1, 4, [3], None, 1]


def test_a_get_of_what_is_here_asks_nobody():
    references = [mobula.put(i) for i in range(3)]
    process = current().runtime.process
    before = process.next_request()
    assert mobula.get(references) == [0, 1, 2]
    assert process.next_request() == before + 1


def test_references_inside_values_are_counted_from_where_they_came():
    outer = mobula.put([mobula.put("inner")])
    (inner,) = mobula.get(outer)
    name = inner.binary()
    del outer
    assert mobula.get(inner) == "inner"
    del inner
    gc.collect()
    assert name not in known_objects()


def test_a_pickle_that_a_program_reads_itself_gives_live_references():
    reference = mobula.put("value")
    assert mobula.get(pickle.loads(pickle.dumps({"a": reference}))["a"]) == "value"


@pytest.mark.parametrize("encoded", [b"", b"too short", "text"])
def test_what_is_no_encoded_reference_is_refused(encoded):
    with pytest.raises((ValueError, TypeError)):
        _core.load_reference(encoded)


def test_wait_splits_in_the_order_of_its_list():
    references = [mobula.put(i) for i in range(5)]
    ready, others = mobula.wait(references, num_returns=3)
    assert (ready, others) == (references[:3], references[3:])
    ready, others = mobula.wait(references[::-1], num_returns=5)
    assert (ready, others) == (references[::-1], [])
