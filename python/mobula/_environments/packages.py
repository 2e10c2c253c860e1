# SPDX-License-Identifier: Apache-2.0
"""Folders as zip files: packed with the same bytes everywhere, stored, fetched and unpacked."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mobula.exceptions import RuntimeEnvSetupError

if TYPE_CHECKING:
    import pathspec

SCHEME = "gcs://"
# What the store takes; a larger folder holds data, which belongs elsewhere.
SIZE_MAX = 100 << 20
# The earliest that a zip file can say.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NEVER = (".git", "__pycache__", ".venv")
_IGNORE_FILES = (".gitignore", ".rayignore")


def pack(folder: str, excludes: Sequence[str] = (), *, under: str = "") -> bytes:
    """A zip file of a folder: what neither `excludes` nor its ignore files name.

    `under` is a folder of the zip file to put all of it into.
    """
    root = pathlib.Path(folder)
    stream = io.BytesIO()
    size = 0
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(root, _spec(root, excludes)):
            size += path.stat().st_size
            if size > SIZE_MAX:
                raise ValueError(
                    f"{folder} holds more than {SIZE_MAX >> 20} MiB, too much to send to every "
                    f"node; leave files out with excludes, or name a URI where nodes find them"
                )
            name = os.path.join(under, path.relative_to(root).as_posix())
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return stream.getvalue()


def _spec(root: pathlib.Path, excludes: Sequence[str]) -> pathspec.PathSpec[Any]:
    import pathspec

    lines = list(excludes)
    for name in _IGNORE_FILES:
        if (root / name).is_file():
            lines += (root / name).read_text().splitlines()
    return pathspec.PathSpec.from_lines("gitignore", lines)


def _files(root: pathlib.Path, ignored: pathspec.PathSpec[Any]) -> Iterator[pathlib.Path]:
    """In one order on every machine."""
    for folder, folders, files in os.walk(root):
        here = pathlib.Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _NEVER
            and not ignored.match_file((here / name).relative_to(root).as_posix() + "/")
        )
        for name in sorted(files):
            path = here / name
            if path.is_file() and not ignored.match_file(path.relative_to(root).as_posix()):
                yield path


def uri_of(data: bytes) -> str:
    """The name of a package, which follows from its bytes."""
    return f"{SCHEME}_ray_pkg_{hashlib.blake2b(data, digest_size=16).hexdigest()}.zip"


def fetch(uri: str, ask_store: Callable[[str], bytes | None]) -> bytes:
    """The bytes under a URI: of the cluster's store, or of anything that fsspec reads."""
    if uri.startswith(SCHEME):
        data = ask_store(uri)
        if data is None:
            raise RuntimeEnvSetupError(f"the package {uri} is not in the cluster")
        return data
    try:
        import fsspec

        with fsspec.open(uri, "rb") as file:
            return bytes(file.read())
    except Exception as error:
        raise RuntimeEnvSetupError(
            f"{uri} cannot be read: {type(error).__name__}: {error}"
        ) from error


def unpack(data: bytes, folder: str, uri: str) -> None:
    """Writes what a zip file holds. Of one from outside a single folder at its top is left out,
    unless that is a module."""
    os.makedirs(folder, exist_ok=True)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                path = archive.extract(entry, folder)
                mode = entry.external_attr >> 16 & 0o777
                if mode and not entry.is_dir():
                    os.chmod(path, mode | 0o600)
    except (zipfile.BadZipFile, OSError) as error:
        raise RuntimeEnvSetupError(f"{uri} cannot be unpacked: {error}") from error
    if not uri.startswith(SCHEME):
        _lift_single_folder(folder)


def _lift_single_folder(folder: str) -> None:
    names = os.listdir(folder)
    top = os.path.join(folder, names[0]) if len(names) == 1 else ""
    if not os.path.isdir(top) or os.path.exists(os.path.join(top, "__init__.py")):
        return
    aside = folder + ".top"
    os.rename(top, aside)
    os.rmdir(folder)
    os.rename(aside, folder)
