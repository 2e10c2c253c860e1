# SPDX-License-Identifier: Apache-2.0
"""How long a cluster takes to start and stop, what it holds in memory and burns at rest."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

# Seconds, and MB, of Ray 2.60.0 on the same kind of machine; None where it was not measured.
RAY = {
    "import, s": 0.28,
    "init, s": 2.54,
    "first task, s": 0.5,
    "shutdown, s": 1.35,
    "memory (sum of RSS), MB": 906,
    "memory (sum of PSS), MB": None,
    "processes": 10,
    "CPU at rest, % of a core": None,
}

# In a process of its own, as users start one.
_PROGRAM = """
import json, time
began = time.perf_counter()
import MODULE as ray
imported = time.perf_counter()
ray.init()
started = time.perf_counter()
@ray.remote
def f():
    return 1
ray.get(f.remote())
first = time.perf_counter()
import psutil
# What a cluster does when it has answered, it has done by then.
time.sleep(1)
me = psutil.Process()
everyone = [me, *me.children(recursive=True)]
memory = [process.memory_full_info() for process in everyone]
def burnt():
    return sum(sum(process.cpu_times()[:2]) for process in everyone if process.is_running())
rest_began, before = time.perf_counter(), burnt()
time.sleep(3)
at_rest = (burnt() - before) / (time.perf_counter() - rest_began)
ending = time.perf_counter()
ray.shutdown()
ended = time.perf_counter()
print(json.dumps({
    "import, s": imported - began,
    "init, s": started - imported,
    "first task, s": first - started,
    "shutdown, s": ended - ending,
    "memory (sum of RSS), MB": sum(one.rss for one in memory) / 1e6,
    "memory (sum of PSS), MB": sum(one.pss for one in memory) / 1e6,
    "processes": len(everyone),
    "CPU at rest, % of a core": 100 * at_rest,
}))
"""


def report(rounds: int) -> None:
    """Prints the median of some starts, one after the other."""
    runs = [run(sys.executable, "mobula") for _ in range(rounds)]
    print(f"\n{'start-up and memory':46} {'median':>12} {'Ray 2.60':>10}")
    for name, reference in RAY.items():
        median = statistics.median(one[name] for one in runs)
        print(f"{name:46} {median:12,.3g} {reference if reference is not None else '-':>10}")


def run(python: str, module: str) -> dict[str, float]:
    """Starts once: with this interpreter, and the module that is Ray to it."""
    program = _PROGRAM.replace("MODULE", module)
    ran = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return figures
