# SPDX-License-Identifier: Apache-2.0
"""The name under which newer Rays keep the helpers of their tests."""

from __future__ import annotations

from mobula._private.test_utils import (
    PrometheusTimeseries,
    Semaphore,
    SignalActor,
    async_wait_for_condition,
    fetch_prometheus,
    fetch_prometheus_metric_timeseries,
    fetch_prometheus_metrics,
    fetch_prometheus_timeseries,
    run_string_as_driver,
    run_string_as_driver_nonblocking,
    wait_for_assertion,
    wait_for_condition,
    wait_for_pid_to_exit,
)

__all__ = [
    "PrometheusTimeseries",
    "Semaphore",
    "SignalActor",
    "async_wait_for_condition",
    "fetch_prometheus",
    "fetch_prometheus_metric_timeseries",
    "fetch_prometheus_metrics",
    "fetch_prometheus_timeseries",
    "run_string_as_driver",
    "run_string_as_driver_nonblocking",
    "wait_for_assertion",
    "wait_for_condition",
    "wait_for_pid_to_exit",
]
