# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of fixed scenarios, and compares them with what is committed.

A stopwatch cannot tell a slower runtime from a busy machine; the number of instructions can. It is
counted by valgrind, which executes them one by one, and is the same on every run but for a
thousandth. More than the margin above the committed number fails; less is said, and passes.

    python3 bench/instructions/count.py build/release/bin/instruction_scenarios
    python3 bench/instructions/count.py build/release/bin/instruction_scenarios --renew
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys

COMMITTED = pathlib.Path(__file__).with_name("counts.json")
MARGIN = 0.03
# How often each scenario does its operation.
OPERATIONS = {"warm_tasks": 1_000, "actor_calls": 1_000, "reference_operations": 10_000}


def count(binary: str, scenario: str, operations: int) -> int:
    """The instructions of one whole run."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*command, binary, scenario, str(operations)], capture_output=True, text=True, check=False
    )
    total = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or total is None:
        sys.exit(f"{scenario} did not run under valgrind:\n{run.stderr}")
    return int(total.group(1))


def per_operation(binary: str) -> dict[str, int]:
    """What one operation of each scenario costs; that of its preparation is taken off."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        runs = {
            name: (pool.submit(count, binary, name, 0), pool.submit(count, binary, name, times))
            for name, times in OPERATIONS.items()
        }
        return {
            name: round((whole.result() - start.result()) / OPERATIONS[name])
            for name, (start, whole) in runs.items()
        }


def compare(counted: dict[str, int], committed: dict[str, int]) -> bool:
    """Prints a line for each scenario; whether none is above its margin."""
    good = True
    for name, now in counted.items():
        before = committed[name]
        change = now / before - 1
        verdict = "as committed"
        if change > MARGIN:
            good = False
            verdict = f"TOO MANY: the margin is {MARGIN:.0%}"
        elif change < -MARGIN:
            verdict = "less: renew the committed number, so that it stays so"
        print(f"{name}: {now:,} instructions each, committed {before:,} ({change:+.1%}), {verdict}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="instruction_scenarios of the release build")
    parser.add_argument("--renew", action="store_true", help="commit to what is counted now")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed; tools/setup installs it")
    counted = per_operation(arguments.binary)
    if arguments.renew:
        COMMITTED.write_text(json.dumps(counted, indent=2) + "\n")
        print(f"{COMMITTED.name} has them now: {counted}")
        return 0
    if compare(counted, json.loads(COMMITTED.read_text())):
        return 0
    print(
        "The runtime does more than it did. `valgrind --tool=callgrind "
        f"{arguments.binary} NAME OPERATIONS` and callgrind_annotate show where. When it is worth "
        f"it, renew the numbers with: python3 {sys.argv[0]} {arguments.binary} --renew, and say "
        "why in the commit."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
