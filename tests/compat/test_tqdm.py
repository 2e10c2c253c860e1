# SPDX-License-Identifier: Apache-2.0
"""ray.experimental.tqdm_ray: progress bars of the driver and of several workers."""

import io
import time

import pytest
import ray
from ray.experimental import tqdm_ray

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """What a manager wrote that stands in the place of the process's own."""

    def use(file):
        manager = tqdm_ray._BarManager(file)
        monkeypatch.setattr(tqdm_ray, "instance", lambda: manager)
        return file

    return use


def test_a_bar_counts_the_items(shown):
    file = shown(io.StringIO())
    bar = tqdm_ray.tqdm(range(3), desc="reading", unit="rows", flush_interval_s=0)
    assert list(bar) == [0, 1, 2]
    lines = file.getvalue().splitlines()
    assert lines == [f"reading: {i}/3 [rows]" for i in range(4)]


def test_a_bar_can_be_moved(shown):
    file = shown(io.StringIO())
    bar = tqdm_ray.tqdm(desc="moved", flush_interval_s=100)
    bar.update(5)
    bar.total = 20
    assert (bar.n, bar.total) == (5, 20)
    assert file.getvalue().splitlines() == ["moved: 0/? [it]"]
    bar.refresh()
    bar.n = 7
    bar.set_description("renamed")
    bar.close()
    bar.close()
    assert file.getvalue().splitlines()[1:] == ["moved: 5/20 [it]", "renamed: 7/20 [it]"]


def test_it_tells_only_now_and_then(shown):
    file = shown(io.StringIO())
    for _ in tqdm_ray.tqdm(range(20), flush_interval_s=0.25):
        time.sleep(0.05)
    assert 3 <= len(file.getvalue().splitlines()) <= 12


def test_bars_of_workers_are_shown_by_the_driver(shown, wait_for):
    file = shown(io.StringIO())

    @ray.remote
    def work(name):
        for _ in tqdm_ray.tqdm(range(5), desc=name, flush_interval_s=0):
            pass
        print(f"{name} said so")

    ray.get([work.remote("first"), work.remote("second")])
    wait_for(lambda: file.getvalue().count("5/5") == 2)
    lines = file.getvalue().splitlines()
    assert all(line.startswith("(pid=") for line in lines)
    for name in ("first", "second"):
        assert [line.split()[2] for line in lines if f" {name}: " in line] == [
            f"{i}/5" for i in range(6)
        ]


def test_marked_lines_are_not_printed(shown, wait_for, catch_streams):
    streams = catch_streams()
    shown(io.StringIO())

    @ray.remote
    def work():
        print("before")
        bar = tqdm_ray.tqdm(total=2, desc="bar")
        bar.update(2)
        bar.close()
        print("after")

    ray.get(work.remote())
    wait_for(lambda: "after" in streams.stdout.getvalue())
    assert "before" in streams.stdout.getvalue()
    assert "magic_token" not in streams.stdout.getvalue()


def test_on_a_terminal_all_bars_are_drawn_below_one_another(shown):
    file = shown(Terminal())
    first, second = tqdm_ray.tqdm(total=3, desc="first"), tqdm_ray.tqdm(total=4, desc="second")
    first.update(3)
    first.close()
    second.update(4)
    second.close()
    drawn = file.getvalue()
    assert "first" in drawn
    assert "3/3" in drawn
    assert "4/4" in drawn
    # Whoever closes first stays while the other goes on.
    assert drawn.rindex("first") > drawn.index("second")


def test_bars_can_be_switched_off(shown, monkeypatch):
    monkeypatch.setenv("RAY_TQDM", "0")
    file = shown(io.StringIO())
    assert list(tqdm_ray.tqdm(range(3))) == [0, 1, 2]
    assert file.getvalue() == ""


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="No iterable"):
        list(tqdm_ray.tqdm(total=3))
    with pytest.raises(TypeError, match="total must be a number"):
        tqdm_ray.tqdm(total="many")


def test_safe_print(capsys):
    tqdm_ray.safe_print("text", 1, sep="-")
    assert capsys.readouterr().out.endswith("text-1\n")
