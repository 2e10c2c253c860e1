# SPDX-License-Identifier: Apache-2.0
"""Jobs: drivers that run on the head's node and outlive who submitted them.

Their records and logs lie beside the other logs of that node, where daemons are asked for them.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import time
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import mobula
from mobula._cluster.job_supervisor import (
    NAMESPACE,
    Supervisor,
    actor_name,
    log_file,
    record_file,
)
from mobula._cluster.logs import Source
from mobula._cluster.query import Access, QueryError

_FILE = re.compile(r"job-([A-Za-z0-9_-]{1,64})\.json")
_ARCHIVE_BYTES_MAX = 100 << 20
_ANSWER_TIMEOUT_S = 60.0
# A resource of the head's node only.
_ON_HEAD = {"node:__internal_head__": 0.001}
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


class JobError(RuntimeError):
    """A job cannot be submitted, found or stopped; says why."""


def submit(
    access: Access,
    command: Sequence[str],
    *,
    job: str | None = None,
    variables: dict[str, str] | None = None,
    working_dir: str | None = None,
) -> str:
    """Starts a job; returns its id when its driver runs.

    Raises:
        JobError: It cannot be started.
    """
    job = job or f"job_{secrets.token_hex(4)}"
    if not _FILE.fullmatch(record_file(job)):
        raise JobError(f"expected an id of up to 64 letters, digits, _ and -, got {job!r}")
    if job in _ids(Source.of(access, None)):
        raise JobError(f"there is a job {job} already; choose another --job-id")
    archive = _pack(working_dir) if working_dir else None
    record = {"job": job, "command": list(command), "state": "PENDING"}
    with _connected(access):
        supervisor = (
            mobula.remote(Supervisor)
            .options(
                name=actor_name(job),
                namespace=NAMESPACE,
                lifetime="detached",
                num_cpus=0,
                resources=_ON_HEAD,
                max_concurrency=2,
            )
            .remote(_head(access)["info"]["details"]["session_dir"], record)
        )
        try:
            mobula.get(
                supervisor.start.remote(list(command), access.address, variables or {}, archive),
                timeout=_ANSWER_TIMEOUT_S,
            )
        except Exception as error:
            with contextlib.suppress(Exception):
                mobula.kill(supervisor)
            raise JobError(f"the job cannot be started on the head: {error}") from error
    return job


def records(access: Access) -> list[dict[str, Any]]:
    """What is known of each job, the oldest first."""
    source = Source.of(access, None)
    return _read(source, _ids(source))


def find(access: Access, job: str) -> dict[str, Any]:
    """The record of one job.

    Raises:
        JobError: There is none of that id.
    """
    source = Source.of(access, None)
    if job in _ids(source):
        return _read(source, [job])[0]
    names = ", ".join(record["job"] for record in records(access)) or "none"
    raise JobError(f"there is no job {job!r}; there are: {names}")


def follow(access: Access, job: str, poll_s: float = 0.2) -> Iterator[str]:
    """What the driver has written, and what it writes until it ends."""
    source = Source.of(access, None)
    offset = 0
    while True:
        # In this order, so that the last words are read.
        ended = find(access, job)["state"] in _ENDED
        while (more := source.more(log_file(job), offset)) != ("", offset):
            text, offset = more
            yield text
        if ended:
            return
        time.sleep(poll_s)


def written(access: Access, job: str) -> Iterator[str]:
    """What the driver has written so far, as far as it is kept.

    Raises:
        JobError: There is none of that id.
    """
    find(access, job)
    source = Source.of(access, None)
    present = log_file(job)
    names = [file["name"] for file in source.files() if file["name"].startswith(present + ".")]
    for name in [*sorted(names, key=lambda name: -int(name.rpartition(".")[2])), present]:
        for text, _ in source.parts(name):
            yield text


def stop(access: Access, job: str) -> bool:
    """Ends a job, and waits for that; False if it has ended before.

    Raises:
        JobError: There is none of that id.
    """
    if find(access, job)["state"] in _ENDED:
        return False
    with _connected(access), contextlib.suppress(ValueError, mobula.exceptions.RayActorError):
        # One or the other error: it has ended just now.
        supervisor = mobula.get_actor(actor_name(job), namespace=NAMESPACE)
        mobula.get(supervisor.stop.remote(), timeout=_ANSWER_TIMEOUT_S)
    while find(access, job)["state"] not in _ENDED:
        time.sleep(0.1)
    return True


def _ids(source: Source) -> list[str]:
    found = (_FILE.fullmatch(entry["name"]) for entry in source.files())
    return [match[1] for match in found if match]


def _read(source: Source, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The records of these jobs, the oldest first. Each question is a process: ask no more."""
    access = source.access
    found = [access.ask(f"/logs/{record_file(job)}", source.address) for job in ids]
    running = [record for record in found if record["state"] == "RUNNING"]
    actors = access.ask("/api/actors") if running else []
    supervised = {actor["name"] for actor in actors if actor["state"] != "kDead"}
    for record in running:
        if actor_name(record["job"]) not in supervised:
            record.update(state="FAILED", message="its supervisor has died, and the driver with it")
    return sorted(found, key=lambda record: record.get("started", 0.0))


@contextlib.contextmanager
def _connected(access: Access) -> Iterator[None]:
    mobula.init(access.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    try:
        yield
    finally:
        mobula.shutdown()


def _head(access: Access) -> dict[str, Any]:
    for node in access.nodes():
        if node["alive"] and node["info"]["is_head"]:
            return node
    raise QueryError(f"the cluster at {access.address} has no living head node")


def _pack(folder: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for root, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
            for name in files:
                path = os.path.join(root, name)
                archive.write(path, os.path.relpath(path, folder))
                if content.tell() > _ARCHIVE_BYTES_MAX:
                    raise JobError(
                        f"the working folder {folder} has more than 100 MiB, packed; keep data "
                        f"elsewhere, or name a smaller folder"
                    )
    return content.getvalue()
