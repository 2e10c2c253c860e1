# SPDX-License-Identifier: Apache-2.0
"""Goal: what stands on tasks and actors says so when a node dies under it, and goes on.

Method: programs in the simulator, in which a node dies while they work.
"""

import pytest
from mobula import sim


def pool():
    import time

    import ray
    from ray.util.multiprocessing import Pool

    def work(x):
        time.sleep(1)
        return x

    ray.init()
    with Pool(6) as processes:
        results = [processes.apply_async(work, (i,)) for i in range(18)]
        outcomes = []
        for result in results:
            try:
                outcomes.append(result.get(timeout=60))
            except ray.exceptions.RayActorError:
                outcomes.append("lost")
        print(outcomes.count("lost"), [one for one in outcomes if one != "lost"] != [])
        print(all(one in (i, "lost") for i, one in enumerate(outcomes)))
        print(processes.map(work, range(6)) == list(range(6)))


def graph():
    import time

    import ray
    from ray.dag import InputNode

    @ray.remote(scheduling_strategy="SPREAD")
    def add(x, y):
        time.sleep(1)
        return x + y

    ray.init()
    with InputNode() as given:
        level = [add.bind(given, i) for i in range(8)]
        while len(level) > 1:
            level = [add.bind(*pair) for pair in zip(level[::2], level[1::2], strict=True)]
    print(ray.get(level[0].execute(100)))


def dask_graph():
    import operator
    import time

    import ray
    from ray.util.dask import ray_dask_get

    def slow_add(x, y):
        time.sleep(1)
        return x + y

    ray.init()
    tasks = {f"x{i}": (slow_add, i, 1) for i in range(12)}
    tasks["sum"] = (sum, list(tasks))
    print(ray_dask_get({**tasks, "last": (operator.neg, "sum")}, "last"))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_pool_loses_what_ran_on_the_node_and_goes_on(seed):
    result = sim.run(pool, nodes=3, cpus=2, seed=seed, crash=["n2@1.5s"])
    assert result.returncode == 0, result.report
    lost, *rest = result.output.split()
    # The chunks of two actors, no others.
    assert 1 <= int(lost) <= 2
    assert rest == ["True"] * 3
    assert result.hash == sim.run(pool, nodes=3, cpus=2, seed=seed, crash=["n2@1.5s"]).hash


@pytest.mark.parametrize(("program", "answer"), [(graph, "828\n"), (dask_graph, "-78\n")])
@pytest.mark.parametrize("moment", ["1.2s", "1.5s"])
def test_tasks_of_a_graph_run_again(program, answer, moment):
    result = sim.run(program, nodes=3, cpus=2, crash=[f"n3@{moment}"])
    assert result.returncode == 0, result.report
    assert result.output == answer
    assert "executed again" in result.report
