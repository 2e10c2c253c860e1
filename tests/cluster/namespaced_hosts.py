# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces around a switch, which is one, too.

Each has its own address, loopback interface, abstract sockets and session folder, so what runs on
one finds nothing of another but over the network.
"""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

from mobula._fault_processes import kill_tree

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_counter = itertools.count(1)


def unavailable():
    """Why this machine cannot make hosts; empty if it can."""
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    if shutil.which("ip") is None:
        return "the command ip is missing: apt-get install iproute2"
    name = f"mobula-probe-{os.getpid()}"
    steps = (
        ["ip", "netns", "add", name],
        ["ip", "-n", name, "link", "add", "switch0", "type", "bridge"],
        ["ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"],
    )
    try:
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode != 0:
                return f"the kernel refuses `{' '.join(step)}`: {done.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return ""


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Host:
    """One host; its commands run as if typed there."""

    def __init__(self, name, switch, port, address, folder):
        self.name = name
        self.address = address
        self.folder = folder
        self._switch = switch
        self.port = port

    def environment(self, **variables):
        outer = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MOBULA_") and name != "RAY_ADDRESS"
        }
        return {
            **outer,
            "PYTHONPATH": str(_ROOT / "python"),
            "MOBULA_TMPDIR": str(self.folder),
            # As on a terminal of a usual width.
            "COLUMNS": "120",
            **variables,
        }

    def start(self, *command, stdin=None, **variables):
        """Starts a command; its output is captured."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, *command],
            env=self.environment(**variables),
            cwd=self.folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command, timeout=60, **variables):
        """The exit code and the output of a command."""
        process = self.start(*command, **variables)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            out, err = process.communicate()
            raise AssertionError(f"{command} does not end; it wrote:\n{out}\n{err}") from None
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def mobula(self, *arguments, **variables):
        """A command that must succeed; returns its output."""
        done = self.try_mobula(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_mobula(self, *arguments, **variables):
        return self.run(sys.executable, "-m", "mobula", *arguments, **variables)

    @contextlib.contextmanager
    def driver(self, program, *arguments, timeout=60, **variables):
        """A running program; it is killed when the ``with`` block ends, or after the timeout."""
        process = self.start(sys.executable, "-c", program, *arguments, **variables)
        killer = threading.Timer(timeout, kill_tree, [process.pid])
        killer.start()
        try:
            yield process
        finally:
            killer.cancel()
            kill_tree(process.pid)
            print(process.communicate()[1])

    def python(self, program, *arguments, timeout=60, **variables):
        """Runs a program that must succeed; returns what it prints."""
        done = self.run(sys.executable, "-c", program, *arguments, timeout=timeout, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_head(self, *options, **variables):
        """Starts the head of a cluster here; returns its address."""
        self.mobula(
            "start", "--head", f"--node-ip-address={self.address}", *SMALL, *options, **variables
        )
        return f"{self.address}:6379"

    def join(self, head, *options):
        """Starts a node here, with a copy of the head's token file."""
        return self.mobula(
            "start", f"--address={head.address}:6379", *SMALL, *options, MOBULA_TOKEN=head.token()
        )

    def record(self):
        """Of the node that runs here."""
        paths = self.folder.glob("session_*/node.json")
        records = [json.loads(path.read_text()) for path in paths]
        return max(records, key=lambda record: record["started"])

    def token(self):
        """Of the cluster of the node that runs here."""
        return pathlib.Path(self.record()["token_file"]).read_text().strip()

    def take_address(self, lost, others):
        """Has the address of a host that is no more, beside its own."""
        _ip("-n", self.name, "address", "add", f"{lost.address}/24", "dev", "eth0")
        # As the gratuitous ARP of who takes an address over does.
        for host in others:
            _ip("-n", host.name, "neighbour", "flush", "all")

    def log(self):
        return "".join(path.read_text() for path in self.folder.glob("session_*/logs/mobulad.log"))

    def kill(self):
        """The power fails."""
        kill_tree(self.record()["pid"])

    def cut(self):
        """Its cable is out: nothing comes or goes, and nobody is told."""
        _ip("-n", self._switch, "link", "set", self.port, "down")

    def heal(self):
        _ip("-n", self._switch, "link", "set", self.port, "up")

    def limit(self, megabits):
        """Its cable carries so much in each direction, a second."""
        for host, device in ((self.name, "eth0"), (self._switch, self.port)):
            command = ["tc", "-n", host, "qdisc", "add", "dev", device, "root", "tbf"]
            limits = ["rate", f"{megabits}mbit", "burst", "256kb", "latency", "100ms"]
            subprocess.run([*command, *limits], check=True, capture_output=True, text=True)

    def remove(self):
        """Ends whatever runs here, and the host."""
        done = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True)
        for pid in done.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


# What a node of a test offers, besides what the test says.
SMALL = ("--num-cpus=2", f"--object-store-memory={400 << 20}", "--dashboard-port=-1")


class Hosts:
    """Hosts h1, h2, ... on one switch; gone when the ``with`` block ends."""

    def __init__(self, count, folder, prefix=None):
        self._prefix = prefix or f"mobula-{os.getpid()}-{next(_counter)}"
        self._switch = f"{self._prefix}-switch"
        self._count = count
        self._folder = folder
        self.all = []

    def __enter__(self):
        try:
            _ip("netns", "add", self._switch)
            _ip("-n", self._switch, "link", "add", "sw", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "sw", "up")
            self.all = [self._host(number) for number in range(1, self._count + 1)]
            for host in self.all:
                self._add(host)
        except BaseException:
            self.__exit__()
            raise
        return self.all

    def known(self):
        """Those that an object of the same prefix has made, which live on."""
        return [self._host(number) for number in range(1, self._count + 1)]

    def _host(self, number):
        return Host(
            f"{self._prefix}-h{number}",
            self._switch,
            f"p{number}",
            f"10.213.7.{number}",
            self._folder / f"h{number}",
        )

    def _add(self, host):
        name, port = host.name, host.port
        host.folder.mkdir(parents=True, exist_ok=True)
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip(
            "-n",
            name,
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "name",
            port,
            "netns",
            self._switch,
        )
        _ip("-n", name, "address", "add", f"{host.address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", self._switch, "link", "set", port, "master", "sw", "up")

    def __exit__(self, *_):
        for host in self.all:
            host.remove()
        subprocess.run(["ip", "netns", "del", self._switch], capture_output=True)


def wait_until(condition, timeout=15):
    """Asks until it is true; returns the seconds that took, and fails after the timeout."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < timeout, "it did not become true in time"
        time.sleep(0.02)
    return time.monotonic() - begin
