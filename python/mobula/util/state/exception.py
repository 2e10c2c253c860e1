# SPDX-License-Identifier: Apache-2.0
"""Errors of lists, as programs name them in ``except`` clauses."""

from __future__ import annotations

__all__ = ["DataSourceUnavailable", "RayStateApiException", "ServerUnavailable"]


class DataSourceUnavailable(Exception):  # noqa: N818 (Ray's name)
    """Ray: a part of the cluster did not answer."""


class RayStateApiException(Exception):  # noqa: N818 (Ray's name)
    """Ray: a list could not be made."""


class ServerUnavailable(RayStateApiException):
    """Ray: there is no dashboard to ask."""
