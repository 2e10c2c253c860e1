# SPDX-License-Identifier: Apache-2.0
"""Measures how long one object takes to many hosts at once, by the tree and one-to-all.

Hosts are network namespaces, each of whose cables carries 500 Mbit/s in each direction, so that the
network is what there is too little of, and not this machine's processors. Run it as root.
"""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile

import click

_ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / "bench"), str(_ROOT / "tests" / "cluster")]

import environment  # noqa: E402
import namespaced_hosts  # noqa: E402
import tables  # noqa: E402

_MEGABITS = 500
_WAYS = {"tree": 2, "one to all": 0}

PROGRAM = """
import sys, time
import mobula as ray
import numpy
ray.init(address="auto", log_to_driver=False)
count, size = map(int, sys.argv[1:])

@ray.remote(num_cpus=0, max_retries=0)
def look(box):
    return int(ray.get(box[0])[::1 << 20].sum())

@ray.remote(num_cpus=0)
def warm():
    pass

there = [{f"h{number}": 1} for number in range(2, count + 2)]
ray.get([warm.options(resources=where).remote() for where in there])
data = numpy.ones(size, dtype=numpy.uint8)
box = [ray.put(data)]
del data
begin = time.monotonic()
sums = ray.get([look.options(resources=where).remote(box) for where in there])
print(time.monotonic() - begin)
assert sums == [size >> 20] * count, sums
"""

_TITLE = """# One object of {mebibytes} MiB to many hosts at once

`bench/broadcast/broadcast.py`: hosts on this machine, whose cables carry {megabits} Mbit/s in each
direction. The cable alone takes {seconds:.1f} s for one copy. Seconds until the last host has read
it:

"""


@click.command()
@click.option("--hosts", default="1,2,4,8", show_default=True, help="How many get it.")
@click.option("--mebibytes", default=1024, show_default=True, help="The size of the object.")
@click.option(
    "--results",
    default=_ROOT / "bench" / "results",
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    help="Where the table and all figures go.  [bench/results]",
)
def main(hosts: str, mebibytes: int, results: pathlib.Path) -> None:
    """Sends the object to each number of hosts in each way."""
    if reason := namespaced_hosts.unavailable():
        sys.exit(f"broadcast: {reason}")
    machine = environment.machine()
    counts = [int(count) for count in hosts.split(",")]
    figures: dict[str, dict[int, float]] = {way: {} for way in _WAYS}
    for count in counts:
        for way, fan_out in _WAYS.items():
            figures[way][count] = _measure(count, fan_out, mebibytes << 20)
            print(f"{count} hosts, {way}: {figures[way][count]:.1f} s", flush=True)
    rows = [
        (
            str(count),
            f"{figures['tree'][count]:.1f}",
            f"{figures['one to all'][count]:.1f}",
            f"{figures['one to all'][count] / figures['tree'][count]:.1f}",
        )
        for count in counts
    ]
    table = tables.table(("hosts", "tree", "one to all", "times as fast"), rows)
    title = _TITLE.format(
        mebibytes=mebibytes, megabits=_MEGABITS, seconds=(mebibytes << 20) * 8 / _MEGABITS / 1e6
    )
    text = title + tables.machine_list(machine) + "\n" + table
    (results / "broadcast.md").write_text(text)
    (results / "broadcast.json").write_text(
        json.dumps({"machine": machine, "seconds": figures}, indent=1) + "\n"
    )


def _measure(count: int, fan_out: int, size: int) -> float:
    options = (
        f"--object-store-memory={size + (64 << 20)}",
        f"--transfer-fan-out={fan_out}",
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        namespaced_hosts.Hosts(count + 1, pathlib.Path(folder)) as hosts,
    ):
        head, *others = hosts
        head.start_head(*options)
        for number, host in enumerate(others, 2):
            host.join(head, *options, f'--resources={{"h{number}": 1}}')
        for host in hosts:
            host.limit(_MEGABITS)
        return float(head.python(PROGRAM, str(count), str(size), timeout=900))


if __name__ == "__main__":
    main()
