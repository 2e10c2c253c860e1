# SPDX-License-Identifier: Apache-2.0
"""Addresses, as Ray's own tests take them apart."""

from __future__ import annotations

import socket

__all__ = ["build_address", "find_free_port", "get_localhost_ip", "parse_address"]


def build_address(host: str, port: int | str) -> str:
    """ "host:port", with an IPv6 host in brackets.

    >>> build_address("::1", 80)
    '[::1]:80'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(address: str) -> tuple[str, str] | None:
    """Host and port; None of what is no address.

    >>> parse_address("[::1]:80"), parse_address("10.0.0.1:6379"), parse_address("10.0.0.1")
    (('::1', '80'), ('10.0.0.1', '6379'), None)
    """
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return None
    return host.strip("[]"), port


def find_free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    """A port on which nothing listens at this moment."""
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def get_localhost_ip() -> str:
    """This machine, for itself."""
    return "127.0.0.1"
