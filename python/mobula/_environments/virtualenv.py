# SPDX-License-Identifier: Apache-2.0
"""Virtual environments of a node: the packages of its Python, and over them what was asked for."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from mobula._parent import die_with
from mobula.exceptions import RuntimeEnvSetupError

# Of what an installer said, the end: there it tells what went wrong.
_OUTPUT_MAX = 8000
# As Ray's installer is called.
_PIP_OPTIONS = ("--disable-pip-version-check", "--no-cache-dir")


def make(folder: str, env: Mapping[str, Any], timeout_s: float | None) -> None:
    """Makes one in `folder` with the packages of the field pip or uv.

    RuntimeEnvSetupError, with what the installer said, when that fails or takes too long.
    """
    installer = _Installer(folder, None if timeout_s is None else time.monotonic() + timeout_s)
    installer.run([sys.executable, "-m", "venv", "--without-pip", folder])
    installer.see_parent()
    if "pip" in env:
        installer.pip(env["pip"])
    else:
        installer.uv(env["uv"])


def python_of(folder: str) -> str:
    """Its interpreter."""
    return os.path.join(folder, "bin", "python")


def variables_of(folder: str) -> dict[str, str]:
    """What activating it sets; programs that it holds are found first."""
    hidden = set(_parent_packages())
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        "VIRTUAL_ENV": folder,
        "PATH": os.path.join(folder, "bin") + os.pathsep + os.environ.get("PATH", ""),
        # What is said there goes before the packages of an environment.
        "PYTHONPATH": os.pathsep.join(path for path in paths if path not in hidden),
    }


def _parent_packages() -> list[str]:
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [*site.getsitepackages(), *user]


class _Installer:
    """Commands that share one deadline."""

    def __init__(self, folder: str, deadline: float | None) -> None:
        self._folder = folder
        self._python = python_of(folder)
        self._deadline = deadline

    def see_parent(self) -> None:
        """Lets it import what this Python can, after what it has itself."""
        query = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = self.run([self._python, "-c", query]).strip()
        lines = [f"import site; site.addsitedir({path!r})" for path in _parent_packages()]
        with open(os.path.join(packages, "_mobula_parent.pth"), "w") as file:
            file.write("\n".join(lines) + "\n")

    def pip(self, field: Mapping[str, Any]) -> None:
        command = [sys.executable, "-m", "pip", "--python", self._python]
        options = [*_PIP_OPTIONS, "--no-input"]
        if version := field.get("pip_version"):
            self.run([*command, "install", *options, "--ignore-installed", f"pip{version}"])
            command = [self._python, "-m", "pip"]
        options += field.get("pip_install_options", ())
        self.run([*command, "install", *options, "-r", self._file_of(field["packages"])])
        if field.get("pip_check"):
            self.run([*command, "check"])

    def uv(self, field: Mapping[str, Any]) -> None:
        command = self._find_uv(field.get("uv_version"))
        options = ["--python", self._python]
        packages = self._file_of(field["packages"])
        more = field.get("uv_pip_install_options", ())
        self.run([*command, "pip", "install", *options, *more, "-r", packages])
        if field.get("uv_check"):
            self.run([*command, "pip", "check", *options])

    def _find_uv(self, version: str | None) -> Sequence[str]:
        program = shutil.which("uv")
        if program and not version:
            return [program]
        self.pip({"packages": [f"uv{version or ''}"]})
        return [self._python, "-m", "uv"]

    def _file_of(self, packages: Sequence[str]) -> str:
        path = os.path.join(self._folder, "requirements.txt")
        with open(path, "w") as file:
            file.write("\n".join(packages) + "\n")
        return path

    def run(self, command: Sequence[str]) -> str:
        """What the command said."""
        parent = os.getpid()
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=lambda: die_with(parent),
        ) as process:
            left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            try:
                output, _ = process.communicate(timeout=left)
            except subprocess.TimeoutExpired:
                _kill_with_children(process.pid)
                output, _ = process.communicate()
                raise RuntimeEnvSetupError(
                    "it took longer than the setup_timeout_seconds of its config to run "
                    + _told(command, output)
                ) from None
        if process.returncode != 0:
            raise RuntimeEnvSetupError(_told(command, output))
        return output


def _kill_with_children(pid: int) -> None:
    process = psutil.Process(pid)
    for one in [*process.children(recursive=True), process]:
        one.kill()


def _told(command: Sequence[str], output: str) -> str:
    return f"{' '.join(command)}\n{output[-_OUTPUT_MAX:].strip()}"
