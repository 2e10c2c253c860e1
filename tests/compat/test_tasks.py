# SPDX-License-Identifier: Apache-2.0
"""Functions, options, nesting, errors."""

import os
import threading
import time

import pytest
import ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


@ray.remote
def identity(value):
    return value


@ray.remote
def add(a, b=10, *rest, **named):
    return a + b + sum(rest) + sum(named.values())


def test_positional_keyword_and_variable_arguments_arrive():
    assert ray.get(add.remote(1)) == 11
    assert ray.get(add.remote(1, 2)) == 3
    assert ray.get(add.remote(1, b=2)) == 3
    assert ray.get(add.remote(1, 2, 3, 4, x=5)) == 15
    assert ray.get(add.remote(identity.remote(1), b=identity.remote(2), x=identity.remote(3))) == 6


def test_wrong_arguments_are_refused_at_the_call():
    with pytest.raises(TypeError):
        identity.remote()
    with pytest.raises(TypeError):
        identity.remote(1, 2)


def test_a_function_may_use_what_is_defined_after_it():
    @ray.remote
    def outer():
        return helper(), ray.get(inner.remote())

    def helper():
        return 1

    @ray.remote
    def inner():
        return 2

    assert ray.get(outer.remote()) == (1, 2)


def test_a_function_can_call_itself():
    @ray.remote
    def factorial(n):
        return 1 if n == 0 else n * ray.get(factorial.remote(n - 1))

    assert ray.get(factorial.remote(6)) == 720


def test_many_return_values():
    @ray.remote(num_returns=3)
    def three():
        return 0, "one", [2]

    first, second, third = three.remote()
    assert ray.get([first, second, third]) == [0, "one", [2]]
    assert three.options(num_returns=1).remote() is not None

    @ray.remote(num_returns=0)
    def none():
        pass

    assert none.remote() is None


def test_a_wrong_number_of_return_values_is_an_error():
    @ray.remote(num_returns=2)
    def wrong():
        return 1, 2, 3

    with pytest.raises(ValueError):
        ray.get(wrong.remote()[0])


def test_options_make_a_copy():
    changed = identity.options(num_cpus=2, name="renamed")
    assert ray.get(changed.remote(5)) == 5
    assert ray.get(identity.remote(6)) == 6
    with pytest.raises(ValueError, match="num_cpu"):
        identity.options(num_cpu=1)


def test_calling_directly_says_what_to_do():
    with pytest.raises(TypeError, match="remote"):
        identity(1)


def test_an_exception_arrives_as_its_own_type_with_the_remote_traceback():
    class SpecialError(Exception):
        def __init__(self, code):
            super().__init__(code)
            self.code = code

    @ray.remote
    def fail():
        raise SpecialError(42)

    with pytest.raises(SpecialError) as caught:
        ray.get(fail.remote())
    assert isinstance(caught.value, ray.exceptions.RayTaskError)
    assert "fail" in str(caught.value) and "SpecialError" in str(caught.value)


def test_a_failed_argument_fails_the_tasks_that_need_it():
    @ray.remote
    def fail():
        raise KeyError("gone")

    with pytest.raises(KeyError):
        ray.get(identity.remote(identity.remote(fail.remote())))


def test_deep_chains_and_wide_fans():
    ref = identity.remote(0)
    for _ in range(200):
        ref = add.remote(ref, 1)
    assert ray.get(ref) == 200
    assert ray.get(add.remote(*[identity.remote(1) for _ in range(300)])) == 300


def test_nested_tasks_do_not_deadlock_on_few_cpus():
    @ray.remote
    def tree(depth):
        if depth == 0:
            return 1
        return sum(ray.get([tree.remote(depth - 1) for _ in range(2)]))

    assert ray.get(tree.remote(5)) == 32


def test_tasks_run_at_the_same_time():
    @ray.remote
    def slow():
        time.sleep(0.5)

    ray.get([identity.remote(i) for i in range(8)])
    start = time.time()
    ray.get([slow.remote() for _ in range(4)])
    assert time.time() - start < 1.5


def test_fractions_share_a_cpu_and_whole_requests_do_not():
    @ray.remote(num_cpus=0.5)
    def half():
        time.sleep(0.3)
        return time.time()

    start = time.time()
    ray.get([half.remote() for _ in range(8)])
    assert time.time() - start < 1.5


def test_threads_of_the_driver_may_all_submit():
    results = []

    def work(n):
        results.append(sum(ray.get([identity.remote(i) for i in range(n)])))

    threads = [threading.Thread(target=work, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [sum(range(50))] * 4


def test_redefined_functions_are_told_apart():
    refs = []
    for i in range(5):

        @ray.remote
        def same_name():
            return i  # noqa: B023  The value at the first call is what counts.

        refs.append(same_name.remote())
    assert ray.get(refs) == [0, 1, 2, 3, 4]


def test_workers_are_other_processes():
    @ray.remote
    def pid():
        return os.getpid()

    assert ray.get(pid.remote()) != os.getpid()


def test_retry_exceptions_runs_the_task_again(tmp_path):
    marker = tmp_path / "count"

    @ray.remote(max_retries=3, retry_exceptions=True)
    def flaky():
        with open(marker, "a") as file:
            file.write("x")
        if marker.stat().st_size < 3:
            raise RuntimeError("again")
        return marker.stat().st_size

    assert ray.get(flaky.remote()) == 3


def test_an_infeasible_task_is_pending_and_named(catch_streams, wait_for):
    streams = catch_streams()

    @ray.remote(resources={"unobtainium": 1})
    def never():
        pass

    ref = never.remote()
    ready, pending = ray.wait([ref], timeout=0.5)
    assert (ready, pending) == ([], [ref])
    wait_for(lambda: "unobtainium" in streams.stderr.getvalue())
    ray.cancel(ref)
    with pytest.raises(ray.exceptions.TaskCancelledError):
        ray.get(ref, timeout=5)


def test_cancel_interrupts_a_running_task():
    @ray.remote
    def sleepy():
        for _ in range(600):
            time.sleep(0.1)

    ref = sleepy.remote()
    ray.wait([ref], timeout=0.5)
    ray.cancel(ref)
    with pytest.raises((ray.exceptions.TaskCancelledError, ray.exceptions.RayTaskError)):
        ray.get(ref, timeout=10)


def test_a_task_can_be_cancelled_whatever_it_is_doing():
    @ray.remote
    def endless():
        while True:
            time.sleep(0.01)

    # Before it was sent, on its way, while its arguments are read, and when it runs.
    for pause in [0, 0.001, 0.002, 0.005, 0] * 6:
        ref = endless.remote()
        time.sleep(pause)
        ray.cancel(ref)
        with pytest.raises(ray.exceptions.TaskCancelledError):
            ray.get(ref, timeout=10)


def test_what_is_no_exception_is_an_error_of_the_task_all_the_same():
    class Stop(BaseException):
        pass

    @ray.remote(max_retries=0)
    def stop():
        raise Stop("here")

    with pytest.raises(ray.exceptions.RayTaskError, match="Stop: here"):
        ray.get(stop.remote())


def test_a_function_defined_anew_runs_its_own_code():
    def define(result):
        if result is None:

            @ray.remote
            def function():
                return None
        else:

            @ray.remote
            def function():
                return result

        return function

    # Equal ones, each gone before the next is made, in whose place in memory another one comes.
    for _ in range(20):
        assert ray.get(define(None).remote()) is None
        assert ray.get(define(1).remote()) == 1
