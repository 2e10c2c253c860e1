# SPDX-License-Identifier: Apache-2.0
"""ray.util.collective over gloo: arrays that several actors work on together."""

import numpy as np
import pytest
import ray
from ray.util import collective
from ray.util.collective.types import ReduceOp

# An extra of the package (`collective`) of some hundred megabytes, which `tools/setup` leaves out.
torch = pytest.importorskip("torch", reason="tools/setup leaves PyTorch out")

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")

SIZE = 3


@ray.remote(num_cpus=0)
class Member:
    def enter(self, size, rank, name="default"):
        collective.init_collective_group(size, rank, "gloo", name)
        return collective.get_rank(name), collective.get_collective_group_size(name)

    def leave(self, name="default"):
        collective.destroy_collective_group(name)
        return collective.is_group_initialized(name)

    def run(self, function, *args):
        return function(*args)


@pytest.fixture(scope="module")
def members(ray_start_4_cpus):
    actors = [Member.remote() for _ in range(SIZE)]
    entered = ray.get([actor.enter.remote(SIZE, i) for i, actor in enumerate(actors)], timeout=60)
    assert entered == [(i, SIZE) for i in range(SIZE)]
    return actors


def everywhere(members, function, *args):
    return ray.get([actor.run.remote(function, *args) for actor in members], timeout=60)


@pytest.mark.parametrize(
    ("op", "expected"),
    [(ReduceOp.SUM, 6), (ReduceOp.PRODUCT, 6), (ReduceOp.MIN, 1), (ReduceOp.MAX, 3)],
)
def test_allreduce(members, op, expected):
    def reduced(op):
        array = np.full(4, collective.get_rank() + 1, dtype=np.float32)
        collective.allreduce(array, op=op)
        return array

    for array in everywhere(members, reduced, op):
        np.testing.assert_array_equal(array, np.full(4, expected))


def test_torch_tensors(members):
    def reduced():
        tensor = torch.ones(2, 2, dtype=torch.int64) * collective.get_rank()
        collective.allreduce(tensor)
        return tensor.tolist()

    assert everywhere(members, reduced) == [[[3, 3], [3, 3]]] * SIZE


def test_reduce_gives_one_member_the_result(members):
    def reduced(dst):
        array = np.array([collective.get_rank() + 1.0])
        collective.reduce(array, dst_rank=dst)
        return float(array[0])

    assert everywhere(members, reduced, 1) == [1, 6, 3]


def test_broadcast(members):
    def broadcast(src):
        array = np.array([collective.get_rank()])
        collective.broadcast(array, src_rank=src)
        return int(array[0])

    assert everywhere(members, broadcast, 2) == [2, 2, 2]


def test_allgather_and_reducescatter(members):
    def gathered():
        rank = collective.get_rank()
        all_of_them = [np.zeros(2) for _ in range(SIZE)]
        collective.allgather(all_of_them, np.full(2, rank, dtype=float))
        part = np.zeros(1)
        collective.reducescatter(part, [np.array([10.0 * i + rank]) for i in range(SIZE)])
        return [one.tolist() for one in all_of_them], float(part[0])

    for rank, (all_of_them, part) in enumerate(everywhere(members, gathered)):
        assert all_of_them == [[0, 0], [1, 1], [2, 2]]
        assert part == 3 * 10 * rank + 3


def test_send_and_receive(members):
    def send():
        collective.send(np.array([7, 8]), 2)

    def receive():
        array = np.zeros(2, dtype=np.int64)
        collective.recv(array, 0)
        return array.tolist()

    sent = members[0].run.remote(send)
    assert ray.get(members[2].run.remote(receive), timeout=60) == [7, 8]
    ray.get(sent)


def test_a_barrier_waits_for_all(members, tmp_path):
    def arrive(folder):
        import time

        rank = collective.get_rank()
        time.sleep(0.2 * rank)
        (folder / str(rank)).touch()
        collective.barrier()
        return len(list(folder.iterdir()))

    assert everywhere(members, arrive, tmp_path) == [SIZE] * SIZE


def test_a_group_that_the_driver_declares(members):
    pair = members[1:]
    collective.create_collective_group(pair, 2, [1, 0], "gloo", "declared")

    def ranks():
        array = np.array([1.0])
        collective.allreduce(array, "declared")
        return collective.get_rank("declared"), float(array[0])

    assert everywhere(pair, ranks) == [(1, 2), (0, 2)]
    with pytest.raises(RuntimeError, match="twice"):
        collective.create_collective_group(pair, 2, [1, 0], "gloo", "declared")
    assert ray.get([actor.leave.remote("declared") for actor in pair]) == [False, False]
    # The name can be used again.
    collective.create_collective_group(pair, 2, [0, 1], "gloo", "declared")
    assert everywhere(pair, ranks) == [(0, 2), (1, 2)]


def test_what_is_available():
    assert collective.gloo_available()
    assert not collective.nccl_available()
    assert collective.is_backend_available("gloo")
    assert not collective.is_group_initialized("nowhere")
    assert collective.get_rank("nowhere") == -1
    assert collective.get_collective_group_size("nowhere") == -1


def test_members_that_do_not_come():
    lonely = Member.remote()

    def enter():
        collective.init_collective_group(2, 1, "gloo", "lonely", gloo_timeout=300)

    with pytest.raises(TimeoutError, match="rank 0"):
        ray.get(lonely.run.remote(enter), timeout=60)


def test_nonsense_is_refused(members):
    for arguments in [(0, 0), (2, 2), (2, -1), ("two", 0), (2, 0, "nccl"), (2, 0, "gloo", "")]:
        with pytest.raises(ValueError):
            collective.init_collective_group(*arguments)
    with pytest.raises(ValueError, match="as many actors"):
        collective.create_collective_group(members, 2, [0, 1])
    with pytest.raises(ValueError, match="different"):
        collective.create_collective_group(members[:2], 2, [0, 0])
    with pytest.raises(RuntimeError, match="not initialized"):
        collective.allreduce(np.ones(1), "nowhere")

    def wrong(*call):
        name, *arguments = call
        getattr(collective, name)(*arguments)

    first = members[0]
    for error, call in [
        (TypeError, ("allreduce", [1, 2])),
        (TypeError, ("allreduce", np.ones(1), "default", "sum")),
        (ValueError, ("broadcast", np.ones(1), SIZE)),
        (RuntimeError, ("send", np.ones(1), 0)),
        (RuntimeError, ("allgather", [np.ones(1)], np.ones(1))),
        (ValueError, ("allreduce", np.ones((2, 2)).T[:, :1])),
    ]:
        with pytest.raises(error):
            ray.get(first.run.remote(wrong, *call), timeout=60)
    with pytest.raises(RuntimeError, match="twice"):
        ray.get(first.enter.remote(SIZE, 0), timeout=60)
