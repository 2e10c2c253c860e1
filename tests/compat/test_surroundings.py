# SPDX-License-Identifier: Apache-2.0
"""What others see of workers: their titles in `ps`, whose lines they write; and their threads."""

import os
import re

import ray


def _title(pid="self"):
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().rstrip("\0 ")


@ray.remote
def look():
    return _title(), os.getpid()


@ray.remote
class Plain:
    def __init__(self):
        self.first = _title()

    def look(self):
        return self.first, _title(), os.getpid()


@ray.remote
class Loop:
    async def look(self):
        return os.getpid()


def test_workers_are_called_by_what_they_run(shutdown_only, wait_for):
    ray.init(num_cpus=2)
    title, pid = ray.get(look.remote())
    assert title == "ray::look"
    wait_for(lambda: _title(pid) == "ray::IDLE")
    assert ray.get(look.options(name="other").remote())[0] == "ray::other"
    plain = Plain.remote()
    first, title, pid = ray.get(plain.look.remote())
    assert (first, title) == ("ray::Plain.__init__", "ray::Plain.look")
    wait_for(lambda: _title(pid) == "ray::Plain")
    loop = Loop.remote()
    pid = ray.get(loop.look.remote())
    wait_for(lambda: _title(pid) == "ray::Loop")


@ray.remote
def threads():
    return os.environ["OMP_NUM_THREADS"]


@ray.remote
class Threads:
    def look(self):
        return os.environ["OMP_NUM_THREADS"]


def test_libraries_have_as_many_threads_as_the_task_has_cpus(shutdown_only, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    ray.init(num_cpus=4)
    assert ray.get(threads.remote()) == "1"
    counts = [2, 1, 0.5, 0, 3]
    told = [ray.get(threads.options(num_cpus=cpus).remote()) for cpus in counts]
    assert told == ["2", "1", "1", "1", "3"]
    assert ray.get(Threads.remote().look.remote()) == "1"
    assert ray.get(Threads.options(num_cpus=2).remote().look.remote()) == "2"
    env = {"env_vars": {"OMP_NUM_THREADS": "7"}}
    assert ray.get(threads.options(num_cpus=2, runtime_env=env).remote()) == "7"
    assert ray.get(Threads.options(runtime_env=env).remote().look.remote()) == "7"


def test_the_number_that_the_user_has_set_stays(shutdown_only, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    ray.init(num_cpus=2)
    assert ray.get([threads.remote(), threads.options(num_cpus=2).remote()]) == ["5", "5"]


@ray.remote
def speak(text):
    print(text)


@ray.remote
class Speaker:
    def __init__(self):
        print("born")

    def speak(self, text):
        print(text)


@ray.remote
class Named:
    def __repr__(self):
        return "Named(5)"

    def speak(self, text):
        print(text)


def test_lines_say_who_wrote_them(shutdown_only, catch_streams, wait_for):
    stdout = catch_streams().stdout

    def named_lines():
        out = re.sub(r"\x1b\[\d*m", "", stdout.getvalue())
        return {text: name for name, text in re.findall(r"(?m)^\((.*) pid=\d+\) (.*)\n", out)}

    ray.init(num_cpus=1, log_to_driver=True)
    ray.get(speak.remote("one"))
    ray.get(speak.options(name="somebody").remote("two"))
    ray.get(speak.remote("three"))
    speaker, named = Speaker.remote(), Named.remote()
    ray.get([speaker.speak.remote("four"), named.speak.remote("five")])
    wait_for(lambda: len(named_lines()) == 6)
    assert named_lines() == {
        **{"one": "speak", "two": "somebody", "three": "speak"},
        **{"born": "Speaker", "four": "Speaker", "five": "Named(5)"},
    }
