# SPDX-License-Identifier: Apache-2.0
"""Folders that the workers of a node share: each is made once and kept while it is used."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator

from mobula.exceptions import RuntimeEnvSetupError

# What one kind of folder may take in all before unused ones go, as Ray has it.
_SIZE_GB = 10.0
# For how long a failure is an answer for those who ask next.
FAILED_S = 30.0
# Beside a folder that is whole: virtual environments cannot be renamed once they are.
_READY = ".ready"


class Cache:
    """The folders of one kind on one node.

    Each has two lock files beside it. Who uses a folder holds the first with others until its
    process ends, and who removes it holds that alone; who makes it holds the second besides. The
    system lets go of the locks of a process that is killed.
    """

    def __init__(self, root: str, kind: str) -> None:
        """Below `root`, which exists. `kind` is Ray's name: working_dir, py_modules or pip."""
        self._folder = os.path.join(root, "runtime_resources", kind)
        os.makedirs(self._folder, exist_ok=True)
        variable = f"RAY_RUNTIME_ENV_{kind.upper()}_CACHE_SIZE_GB"
        self._bytes_max = int(float(os.environ.get(variable, _SIZE_GB)) * 2**30)

    def use(self, content: str, make: Callable[[str], None]) -> str:
        """The folder of that content, in use from now on; `make` fills it if it is not there.

        RuntimeEnvSetupError when it cannot be made, or could not a moment ago.
        """
        name = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
        lock = self._open_lock(name)
        folder = os.path.join(self._folder, name)
        try:
            # From here on nobody removes it.
            fcntl.flock(lock, fcntl.LOCK_SH)
            if not os.path.exists(folder + _READY):
                with open(folder + ".making", "w") as making:
                    fcntl.flock(making, fcntl.LOCK_EX)
                    if not os.path.exists(folder + _READY):
                        self._make(folder, make)
            os.utime(lock)
            return folder
        except BaseException:
            os.close(lock)
            raise

    def _make(self, folder: str, make: Callable[[str], None]) -> None:
        failure = folder + ".failed"
        with contextlib.suppress(FileNotFoundError), open(failure) as file:
            if time.time() - os.fstat(file.fileno()).st_mtime < FAILED_S:
                raise RuntimeEnvSetupError(file.read())
        self._collect()
        # Whoever tried before may have been killed.
        shutil.rmtree(folder, ignore_errors=True)
        try:
            make(folder)
        except RuntimeEnvSetupError as error:
            shutil.rmtree(folder, ignore_errors=True)
            with open(failure, "w") as file:
                file.write(str(error))
            raise
        with open(folder + _READY, "w"):
            pass

    def _open_lock(self, name: str) -> int:
        path = os.path.join(self._folder, name + ".lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A worker that goes on as another program still uses it.
        os.set_inheritable(lock, True)
        return lock

    def _collect(self) -> None:
        """Removes unused folders, the one used last stays longest, until there is room."""
        by_age = sorted((os.stat(lock).st_mtime, lock) for lock in self._locks())
        sizes = {lock: _size(lock.removesuffix(".lock")) for _, lock in by_age}
        total = sum(sizes.values())
        for _, lock in by_age:
            if total <= self._bytes_max:
                return
            if sizes[lock] and self._remove_unused(lock):
                total -= sizes[lock]

    def _locks(self) -> Iterator[str]:
        for name in os.listdir(self._folder):
            if name.endswith(".lock"):
                yield os.path.join(self._folder, name)

    @staticmethod
    def _remove_unused(lock: str) -> bool:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = lock.removesuffix(".lock")
            with contextlib.suppress(FileNotFoundError):
                os.remove(folder + _READY)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(descriptor)


def _size(folder: str) -> int:
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
