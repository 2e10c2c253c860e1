# SPDX-License-Identifier: Apache-2.0
# Goal: what is wrong with a disk or a log is told to who starts the head or runs a program there,
# with what to do. (Tokens, certificates, ports and addresses: test_security.py; versions:
# tests/runtime/host/links_test.cc.)
import contextlib
import pathlib
import subprocess
import time

import pytest
from namespaced_hosts import wait_until


@contextlib.contextmanager
def _small_disk(path, megabytes):
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)]
    # Allowed to whoever may make the hosts' network namespaces.
    subprocess.run(mount, check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def _fill(disk):
    """Leaves nothing free; returns the file that takes it."""
    file = disk / "filler"
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as output:
        while True:
            output.write(bytes(1 << 16))
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as output:
        while True:
            output.write(b"x")
    return file


@pytest.fixture
def head(two_hosts):
    return two_hosts[0]


def test_a_damaged_log_is_not_read_but_named(head, tmp_path):
    storage = tmp_path / "log"
    head.start_head(f"--storage={storage}")
    head.python("import mobula as ray; ray.init(address='auto'); ray.shutdown()")
    head.kill()
    log = storage / "gcs.log"
    content = bytearray(log.read_bytes())
    content[20] ^= 0xFF
    log.write_bytes(content)
    done = head.try_mobula(
        "start", "--head", "--node-ip-address=10.213.7.1", f"--storage={storage}"
    )
    assert done.returncode == 1
    assert f"{log} is damaged at byte 8" in done.stderr
    assert log.read_bytes() == content, "what is left is for a person to look at"


def test_a_log_that_another_head_holds_or_that_is_none_is_named(head, tmp_path):
    storage = tmp_path / "log"
    head.start_head(f"--storage={storage}")
    start = ("start", "--head", "--node-ip-address=10.213.7.1", "--port=7000")
    done = head.try_mobula(*start, f"--storage={storage}")
    assert done.returncode == 1
    assert "another daemon" in done.stderr
    (tmp_path / "file").write_text("in the way")
    done = head.try_mobula(*start, f"--storage={tmp_path / 'file'}")
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr


WAITS = """
import os, sys, time
import mobula as ray
ray.init(address="auto", namespace="space")
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)

@ray.remote(num_cpus=0)
class Late:
    # More than the last page of the log has room for.
    padding = bytes(range(256)) * 40

    def ready(self):
        return "made"

late = Late.options(name="late", lifetime="detached").remote()
print(ray.get(late.ready.remote()), flush=True)
"""


def test_a_log_on_a_full_disk_says_so_and_goes_on_when_there_is_room(head, tmp_path):
    with _small_disk(tmp_path / "disk", 2) as disk:
        head.start_head(f"--storage={disk}")
        with head.driver(WAITS, str(tmp_path / "go")) as driver:
            assert driver.stdout.readline() == "ready\n"
            file = _fill(disk)
            (tmp_path / "go").touch()
            wait_until(lambda: "No space left on device" in head.log())
            assert str(disk) in head.log()
            time.sleep(0.5)
            file.unlink()
            assert driver.stdout.readline() == "made\n"
        head.mobula("stop")


SPILLS = """
import mobula as ray
ray.init(address="auto")
kept = []
try:
    for number in range(60):
        kept.append(ray.put(bytes([number]) * 1_000_000))
except ray.exceptions.OutOfDiskError as error:
    print(error)
# With a little room to read it back, what was there before is still there, and the node works.
del kept[-3:]
assert all(ray.get(ref)[0] == number for number, ref in enumerate(kept))
print(ray.get(ray.remote(lambda: 7).remote()))
"""


def test_a_full_disk_for_spilled_objects_is_an_error_of_the_put_and_no_more(head, tmp_path):
    with _small_disk(tmp_path / "disk", 8) as disk:
        head.mobula(
            *("start", "--head", "--num-cpus=1", "--dashboard-port=-1"),
            *(f"--object-store-memory={20 << 20}", f"--object-spilling-directory={disk}"),
        )
        text = head.python(SPILLS, timeout=120)
        head.mobula("stop")
    error, answer = text.splitlines()[0], text.splitlines()[-1]
    assert answer == "7"
    assert str(disk) in error and "No space left on device" in error


def test_a_session_folder_that_cannot_be_made_is_named(head, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = head.try_mobula("start", "--head", MOBULA_TMPDIR=str(tmp_path / "file" / "folder"))
    assert done.returncode == 1
    assert str(pathlib.Path(tmp_path / "file")) in done.stderr
