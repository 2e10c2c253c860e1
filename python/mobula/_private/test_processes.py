# SPDX-License-Identifier: Apache-2.0
"""Helpers of Ray's own tests that look at processes, ports and pages."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mobula._common.network_utils import find_free_port, parse_address

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

__all__ = [
    "PrometheusTimeseries",
    "chdir",
    "check_call_ray",
    "check_call_subprocess",
    "fetch_prometheus",
    "fetch_prometheus_metric_timeseries",
    "fetch_prometheus_metrics",
    "fetch_prometheus_timeseries",
    "format_web_url",
    "get_current_unused_port",
    "wait_until_server_available",
]

get_current_unused_port = find_free_port


def check_call_subprocess(
    argv: Sequence[str], capture_stdout: bool = False, capture_stderr: bool = False
) -> bytes:
    """Runs a command that must succeed; returns what it wrote to the streams that are captured."""
    done = subprocess.run(
        argv,
        check=True,
        stdout=subprocess.PIPE if capture_stdout else None,
        stderr=subprocess.PIPE if capture_stderr else None,
    )
    return (done.stdout or b"") + (done.stderr or b"")


def check_call_ray(
    args: Sequence[str], capture_stdout: bool = False, capture_stderr: bool = False
) -> bytes:
    """As ``check_call_subprocess``, of the command line of the cluster."""
    command = [sys.executable, "-m", "mobula", *args]
    return check_call_subprocess(command, capture_stdout, capture_stderr)


@contextlib.contextmanager
def chdir(d: str) -> Iterator[None]:
    """Another working directory for a while."""
    before = os.getcwd()
    os.chdir(d)
    try:
        yield
    finally:
        os.chdir(before)


def format_web_url(url: str) -> str:
    """With its scheme."""
    return url if url.startswith(("http://", "https://")) else f"http://{url}"


def wait_until_server_available(
    address: str, timeout_ms: int = 5000, retry_interval_ms: int = 100
) -> bool:
    """Whether something listens at "host:port" before that time is over."""
    import socket

    parsed = parse_address(address)
    if parsed is None:
        raise ValueError(f"address takes 'host:port', got {address!r}")
    deadline = time.monotonic() + timeout_ms / 1000
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((parsed[0], int(parsed[1])), 1):
            return True
        time.sleep(retry_interval_ms / 1000)
    return False


@dataclass
class PrometheusTimeseries:
    """What pages of metrics said, the latest sample of each series."""

    components_dict: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    metric_descriptors: dict[str, Any] = field(default_factory=dict)
    metric_samples: dict[Any, Sample] = field(default_factory=dict)

    def flush(self) -> None:
        """Forgets all."""
        self.components_dict.clear()
        self.metric_descriptors.clear()
        self.metric_samples.clear()


def _pages(addresses: Iterable[str]) -> Iterator[tuple[str, str]]:
    for address in addresses:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page,
        ):
            yield address, page.read().decode()


def fetch_prometheus_timeseries(
    prom_addresses: Iterable[str], result: PrometheusTimeseries
) -> PrometheusTimeseries:
    """Reads the pages of metrics at those addresses into ``result``."""
    from prometheus_client.parser import text_string_to_metric_families

    for address, page in _pages(prom_addresses):
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                series = (sample.name, frozenset(sample.labels.items()))
                result.metric_descriptors[sample.name] = family
                result.metric_samples[series] = sample
                if "Component" in sample.labels:
                    result.components_dict[address].add(sample.labels["Component"])
    return result


def fetch_prometheus(
    prom_addresses: Iterable[str],
) -> tuple[dict[str, set[str]], dict[str, Any], list[Sample]]:
    """Components by address, families by name of metric, and the samples."""
    found = fetch_prometheus_timeseries(prom_addresses, PrometheusTimeseries())
    return found.components_dict, found.metric_descriptors, list(found.metric_samples.values())


def fetch_prometheus_metric_timeseries(
    prom_addresses: Iterable[str], result: PrometheusTimeseries
) -> dict[str, list[Sample]]:
    """The samples by name of metric."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in fetch_prometheus_timeseries(prom_addresses, result).metric_samples.values():
        by_name[sample.name].append(sample)
    return by_name


def fetch_prometheus_metrics(prom_addresses: Iterable[str]) -> dict[str, list[Sample]]:
    """The same, as the pages are now."""
    return fetch_prometheus_metric_timeseries(prom_addresses, PrometheusTimeseries())
