# SPDX-License-Identifier: Apache-2.0
"""What the C++ of cpp/cross_language.cc calls."""

import ray


def twice(x):
    return 2 * x


@ray.remote
def join(words, separator):
    return separator.join(words)


def fail(text):
    raise ValueError(text)


def unreadable(_):
    return object()


def text(_):
    return "text"


def no_arguments():
    return 1


number = 7


class Counter:
    def __init__(self, start):
        self.value = start

    def add(self, amount):
        self.value += amount
        return self.value


class Demanding:
    def __init__(self, one, two):
        pass


class Asynchronous:
    def __init__(self, start):
        self.value = start

    async def add(self, amount):
        self.value += amount
        return self.value
