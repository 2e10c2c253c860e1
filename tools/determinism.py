# SPDX-License-Identifier: Apache-2.0
"""Proves that a simulation depends on its options and its program only.

Runs programs twice and more: under another address layout, with other string hashes, with a heap
that is filled with rubbish, from another folder with a larger environment, and (C++) compiled with
another optimisation. The hash after every event must be the same. Then a program that is not
deterministic is run, which must be found, and its first differing event named.

    tools/determinism          a minute: a few programs, the release build
    tools/determinism --long   all examples, several seeds, and the dev build, which it makes
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"
sys.path.insert(0, str(ROOT / "python"))

# From the file, not from the package, whose import starts more than is needed here.
EXAMPLES = ROOT / "python" / "examples"
FAULTS = ("--nodes", "3", "--crash", "n2@0.5s+1s", "--crash-worker", "n3@0.3s")
CPP_FAULTS = ("--nodes", "4", "--crash", "n3@0.001s+1s", "--crash", "worker:n2@0.1s")


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    is_python: bool


@dataclasses.dataclass(frozen=True)
class Circumstance:
    """What must not matter."""

    name: str
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    # Put before the command.
    prefix: tuple[str, ...] = ()
    folder: pathlib.Path = ROOT
    # `mobula sim` fixes hashes and addresses by executing itself anew; this keeps it from that.
    fixed_process: bool = True
    build: str = "release"


SAME = Circumstance("as it is")
SHORT = (
    Circumstance("once more"),
    Circumstance("other hashes, random addresses", {"PYTHONHASHSEED": "1"}, fixed_process=False),
    Circumstance(
        "other hashes, no random addresses",
        {"PYTHONHASHSEED": "77"},
        prefix=("setarch", "-R"),
        fixed_process=False,
    ),
    Circumstance("a heap full of rubbish", {"MALLOC_PERTURB_": "165"}),
    Circumstance(
        "another folder, a large environment",
        {"A_LARGE_VARIABLE": "x" * 50_000},
        folder=pathlib.Path("/"),
    ),
)
DEV_BUILD = Circumstance("the dev build", build="dev")


def python_program(file: str, *options: str, seed: int = 7) -> Program:
    return Program(
        f"{file} {' '.join(options)} (seed {seed})",
        (str(VENV / "mobula"), "sim", str(EXAMPLES / file), "--seed", str(seed), *options),
        True,
    )


def cpp_program(library: str, *options: str, seed: int = 7) -> Program:
    command = ("{build}/bin/mobula_cpp_sim", "--library", f"{{build}}/lib/{library}")
    return Program(
        f"{library} {' '.join(options)} (seed {seed})",
        (*command, "--seed", str(seed), "--cpus", "2", *options),
        False,
    )


SHORT_PROGRAMS = (
    python_program("tour.py", *FAULTS),
    cpp_program("libword_count.so", *CPP_FAULTS),
)


def long_programs() -> list[Program]:
    files = sorted(path.name for path in EXAMPLES.glob("*.py"))
    programs = [
        python_program(file, *options, seed=seed)
        for file in files
        for options in (("--nodes", "3"), FAULTS)
        for seed in (1, 2)
    ]
    programs += [
        cpp_program("libword_count.so", *options, seed=seed)
        for options in (("--nodes", "2"), CPP_FAULTS)
        for seed in (1, 2, 3)
    ]
    return programs


def run(program: Program, circumstance: Circumstance, hashes: str) -> None:
    build = str(ROOT / "build" / circumstance.build)
    command = [part.replace("{build}", build) for part in program.command]
    command = [*circumstance.prefix, *command, "--hashes", hashes]
    environment = {**os.environ, **circumstance.environment}
    if program.is_python and not circumstance.fixed_process:
        environment["MOBULA_SIM_REEXECUTED"] = "1"
    result = subprocess.run(
        command, env=environment, cwd=circumstance.folder, capture_output=True, text=True
    )
    if result.returncode != 0 or not os.path.getsize(hashes):
        sys.exit(f"determinism: failed: {' '.join(command)}\n{result.stderr}")


def check(program: Program, circumstances: list[Circumstance], folder: str) -> bool:
    """Whether the program's runs are equal under all circumstances."""
    from mobula._trace import diff

    first = os.path.join(folder, "first")
    run(program, SAME, first)
    with open(first, "rb") as file:
        count = sum(1 for _ in file)
    equal = True
    for circumstance in circumstances:
        if circumstance.build != "release" and program.is_python:
            continue
        second = os.path.join(folder, "second")
        run(program, circumstance, second)
        difference = diff.find(first, second)
        if difference is not None:
            equal = False
            print(f"DIFFERENT: {program.name}: {circumstance.name}")
            print(diff.describe(difference, "the first run", "the second run"))
    print(f"{'equal' if equal else 'NOT EQUAL'}: {program.name}: {count} events")
    return equal


PLANTED = """
import ray

with open("/dev/urandom", "rb") as file:
    real_randomness = file.read(8)

@ray.remote
def harmless(x):
    return x

@ray.remote
def planted(x):
    return x

ray.init()
ray.get([harmless.remote(i) for i in range(3)])
ray.get(planted.remote(real_randomness))
"""


def check_planted(folder: str) -> bool:
    """Whether real randomness in a program is found, and the event named in which it shows."""
    from mobula._trace import diff

    path = os.path.join(folder, "planted.py")
    pathlib.Path(path).write_text(PLANTED)
    traces = [os.path.join(folder, name) for name in ("one.jsonl", "other.jsonl")]
    for trace in traces:
        command = [str(VENV / "mobula"), "sim", path, "--trace", trace]
        subprocess.run(command, check=True, capture_output=True)
    difference = diff.find(*traces)
    if difference is None or difference.first is None or difference.second is None:
        print("NOT FOUND: the planted nondeterminism")
        return False
    found = all(
        "TaskSubmitted" in step.text and "planted" in step.text
        for step in (difference.first, difference.second)
    )
    print(f"{'found' if found else 'NOT NAMED'}: the planted nondeterminism:")
    print(diff.describe(difference, "one run", "the other"))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--long", action="store_true", help="all programs, and the dev build")
    arguments = parser.parse_args()
    start = time.monotonic()
    circumstances = list(SHORT)
    if shutil.which("setarch") is None:
        circumstances = [one for one in circumstances if not one.prefix]
    if arguments.long:
        targets = ["mobula_cpp_sim", "word_count"]
        subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["ninja", "-C", "build/dev", *targets], cwd=ROOT, check=True)
        circumstances.append(DEV_BUILD)
    programs = long_programs() if arguments.long else SHORT_PROGRAMS
    with tempfile.TemporaryDirectory(prefix="mobula-determinism-") as folder:
        results = [check(program, circumstances, folder) for program in programs]
        results.append(check_planted(folder))
    runs = len(programs) * (1 + len(circumstances)) + 2
    print(f"determinism: {runs} runs in {time.monotonic() - start:.0f} s")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
