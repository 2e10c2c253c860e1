# SPDX-License-Identifier: Apache-2.0
"""Bringing a cluster up on its hosts, and down; running things there."""

from __future__ import annotations

import concurrent.futures
import os
import shlex
from collections.abc import Callable, Sequence

from mobula._cluster.start import HEAD_PORT, new_token
from mobula._launch.cluster_file import ClusterFile
from mobula._launch.hosts import Host, HostError, provider_of

_AT_ONCE = 16
Tell = Callable[[str], None]


class Launcher:
    """A cluster that a file describes."""

    def __init__(self, file: ClusterFile, tell: Tell) -> None:
        """``tell`` is given what happens, for people."""
        self._file = file
        self._tell = tell
        self._provider = provider_of(file)

    def up(self) -> str:
        """Starts the cluster, and anew if it runs; returns the head's address.

        Raises:
            HostError: It cannot be started on the head, or on any host.
        """
        self._provider.create()
        head, *workers = self._provider.hosts()
        token = new_token()
        self._prepare(head, "head_setup_commands")
        start = self._file.commands["head_start_ray_commands"] or [
            f"{self._file.mobula} stop",
            f"{self._file.mobula} start --head --node-ip-address={head.ip} --port={HEAD_PORT}",
        ]
        self._start(head, start, token)
        self._tell(f"{head.ip}: the head runs")

        def add(host: Host) -> str:
            self._prepare(host, "worker_setup_commands")
            start = self._file.commands["worker_start_ray_commands"] or [
                f"{self._file.mobula} stop",
                f"{self._file.mobula} start --address=$RAY_HEAD_IP:{HEAD_PORT} "
                f"--node-ip-address={host.ip}",
            ]
            self._start(host, start, token)
            return "runs"

        self._on_each(workers, add)
        return f"{head.ip}:{HEAD_PORT}"

    def down(self) -> None:
        """Stops it: the head last, so that the others can take their leave."""
        head, *workers = self._provider.hosts()

        def stop(host: Host) -> str:
            return host.run(f"{self._file.mobula} stop").strip()

        try:
            self._on_each(workers, stop)
            self._on_each([head], stop)
        finally:
            self._provider.terminate()

    def run(self, words: Sequence[str]) -> int:
        """Runs a command on the head; returns its exit status."""
        return self._provider.hosts()[0].follow(shlex.join(words))

    def submit(self, program: str, arguments: Sequence[str]) -> int:
        """Copies a program to the head and runs it as a job, which outlives this process."""
        head = self._provider.hosts()[0]
        folder = head.run("mktemp -d").strip()
        name = os.path.basename(program)
        head.put(program, f"{folder}/{name}")
        words = shlex.join(["python", name, *arguments])
        return head.follow(
            f"{self._file.mobula} job submit --working-dir {folder} -- {words}; "
            f"code=$?; rm -rf {folder}; exit $code"
        )

    def _prepare(self, host: Host, more: str) -> None:
        commands = self._file.commands
        for script in commands["initialization_commands"]:
            host.run(script)
        for remote, local in self._file.file_mounts.items():
            host.put(local, remote)
        for script in (*commands["setup_commands"], *commands[more]):
            self._tell(f"{host.ip}: {script}")
            host.run(script)

    def _start(self, host: Host, scripts: Sequence[str], token: str) -> None:
        head = self._provider.hosts()[0]
        script = "\n".join(
            [
                "set -e",
                # Not in its words, which everybody on the host can see.
                "read -r MOBULA_TOKEN; export MOBULA_TOKEN",
                f"export RAY_HEAD_IP={head.ip}",
                *scripts,
            ]
        )
        host.run(script, f"{token}\n".encode())

    def _on_each(self, hosts: Sequence[Host], do: Callable[[Host], str]) -> None:
        """On several at once. All are tried; the failures are one error."""
        failures = []
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            running = {pool.submit(do, host): host for host in hosts}
            for done in concurrent.futures.as_completed(running):
                try:
                    self._tell(f"{running[done].ip}: {done.result()}")
                except HostError as error:
                    failures.append(str(error))
        if failures:
            raise HostError("; ".join(sorted(failures)))
