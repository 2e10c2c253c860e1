# SPDX-License-Identifier: Apache-2.0
"""Ray's client, which is not here: drivers are processes of the cluster."""

__all__: list[str] = []
