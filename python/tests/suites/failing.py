# SPDX-License-Identifier: Apache-2.0
"""Tests that fail, each in its own way: test_pytest_plugin.py reads what is said of them."""

import os
import random

import ray


def test_assertion():
    @ray.remote
    def one():
        return 1

    print("something printed")
    assert ray.get(one.remote()) == 2


def test_some_seeds_only(tmp_path):
    @ray.remote
    def where(path):
        return random.random()

    draws = [ray.get(where.remote(str(tmp_path))) for _ in range(3)]
    assert max(draws) < 0.75


def test_deadlock():
    @ray.remote(num_cpus=1000)
    def impossible():
        return 1

    ray.get(impossible.remote())


def test_spin():
    while True:
        pass


def test_exit():
    os._exit(3)


def test_outside():
    import socket

    socket.socket()
