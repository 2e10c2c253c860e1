# SPDX-License-Identifier: Apache-2.0
"""What an actor's process still does when the actor has come to its end."""

import atexit

import pytest
import ray
from ray.exceptions import RayActorError

pytestmark = pytest.mark.usefixtures("ray_start_4_cpus")


class Tidy:
    def __init__(self, folder):
        self.folder = folder
        self.note("began")
        atexit.register(self.note, "handler")

    def note(self, text):
        with open(self.folder / "notes", "a") as notes:
            print(text, file=notes)

    def ping(self):
        return "pong"

    def leave(self):
        ray.actor.exit_actor()

    def __ray_shutdown__(self):
        self.note("shutdown")


class AsyncTidy(Tidy):
    async def ping(self):
        return "pong"

    async def leave(self):
        ray.actor.exit_actor()


KINDS = {
    "plain": (Tidy, {}),
    "threaded": (Tidy, {"max_concurrency": 2}),
    "async": (AsyncTidy, {}),
}


@pytest.fixture(params=list(KINDS))
def tidy(request, tmp_path):
    cls, options = KINDS[request.param]
    actor = ray.remote(cls).options(**options).remote(tmp_path)
    assert ray.get(actor.ping.remote()) == "pong"
    return actor


def notes(folder):
    return (folder / "notes").read_text().split()


ALL = ["began", "shutdown", "handler"]


def test_an_actor_whose_last_handle_goes_leaves_in_order(tmp_path, wait_for):
    # No fixture's: pytest would keep a handle.
    for name, (cls, options) in KINDS.items():
        folder = tmp_path / name
        folder.mkdir()
        actor = ray.remote(cls).options(**options).remote(folder)
        assert ray.get(actor.ping.remote()) == "pong"
        del actor
        wait_for(lambda folder=folder: notes(folder) == ALL)


def test_an_actor_that_exits_leaves_in_order(tidy, tmp_path, wait_for):
    with pytest.raises(RayActorError):
        ray.get(tidy.leave.remote())
    wait_for(lambda: notes(tmp_path) == ALL)


def test_an_actor_that_is_told_to_terminate_leaves_in_order(tidy, tmp_path, wait_for):
    with pytest.raises(RayActorError):
        ray.get(tidy.__ray_terminate__.remote())
    wait_for(lambda: notes(tmp_path) == ALL)


def test_an_actor_that_is_killed_does_nothing_more(tidy, tmp_path, wait_for):
    ray.kill(tidy)
    with pytest.raises(RayActorError):
        ray.get(tidy.ping.remote())

    @ray.remote(num_cpus=4)
    def after_its_end():
        return notes(tmp_path)

    assert ray.get(after_its_end.remote()) == ["began"]


def test_what_an_actor_holds_is_free_once_its_handlers_have_run(tmp_path, wait_for):
    actor = ray.remote(num_cpus=4)(Tidy).remote(tmp_path)
    assert ray.get(actor.ping.remote()) == "pong"
    del actor

    @ray.remote(num_cpus=4)
    def after_its_end():
        return notes(tmp_path)

    assert ray.get(after_its_end.remote(), timeout=30) == ALL
