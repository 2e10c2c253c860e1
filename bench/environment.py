# SPDX-License-Identifier: Apache-2.0
"""Where is measured: the machine, and a real Ray in an environment of its own."""

from __future__ import annotations

import os
import pathlib
import platform
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def ray_python(version: str) -> str:
    """The interpreter of an environment with this Ray, which is installed if it is not there."""
    folder = REPOSITORY / "build" / "compare" / f"ray-{version}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing Ray {version} into {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = [f"ray[default]=={version}", "numpy", "psutil"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        complete.touch()
    return str(python)


def machine() -> dict[str, str]:
    """Where the figures were measured, and of what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    described = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(described, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return {
        "processor": _processor(),
        "CPUs": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "mobula": commit.stdout.strip() or "?",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
