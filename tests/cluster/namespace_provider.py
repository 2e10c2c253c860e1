# SPDX-License-Identifier: Apache-2.0
"""A provider of `mobula up` whose hosts are network namespaces that live from `up` to `down`."""

import pathlib

from mobula._launch.hosts import Host, Provider
from namespaced_hosts import Hosts


class NamespaceHost(Host):
    """One of them."""

    def __init__(self, host):
        self.ip = host.address
        self._host = host

    def command(self, script):
        variables = {
            name: value
            for name, value in self._host.environment().items()
            if name in ("PYTHONPATH", "MOBULA_TMPDIR", "PATH", "HOME")
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        return ["ip", "netns", "exec", self._host.name, "env", "-i", *words, "bash", "-c", script]


class Namespaces(Provider):
    """`count` hosts, with their files below `folder`."""

    def __init__(self, file):
        folder = pathlib.Path(file.provider["folder"])
        self._hosts = Hosts(file.provider["count"], folder, f"mobula-{file.cluster_name}")

    def create(self):
        there = [pathlib.Path("/run/netns", host.name).exists() for host in self._hosts.known()]
        if not all(there):
            self._hosts.__enter__()

    def hosts(self):
        return [NamespaceHost(host) for host in self._hosts.known()]

    def terminate(self):
        self._hosts.all = self._hosts.known()
        self._hosts.__exit__()
