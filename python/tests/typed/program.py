# SPDX-License-Identifier: Apache-2.0
"""What a type checker makes of a program: `# T:` is the type it shall reveal, `# E:` its complaint.

Only checked, never run.
"""

import asyncio
from collections.abc import Generator, Iterator
from typing import reveal_type

import mobula as ray
from mobula.actor import ActorProxy
from mobula.util import ActorPool, as_completed
from mobula.util.multiprocessing import Pool


@ray.remote
def half(x: int) -> float:
    return x / 2


@ray.remote(num_cpus=2, max_retries=0)
def join(x: float, text: str = "", *, times: int = 1) -> str:
    return (str(x) + text) * times


@ray.remote(num_returns=2)
def pair(x: int) -> tuple[int, int]:
    return x, -x


@ray.remote
def total(*numbers: int) -> int:
    return sum(numbers)


@ray.remote
def nothing() -> None:
    pass


class Counter:
    def __init__(self, start: int) -> None:
        self.value = start

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value


# Calls return references to what the function returns.
reveal_type(half.remote(1))  # T: mobula._core.ObjectRef[float]
reveal_type(join.remote(1.5, "a", times=2))  # T: mobula._core.ObjectRef[str]
reveal_type(total.remote(1, 2, 3))  # T: mobula._core.ObjectRef[int]
reveal_type(nothing.remote())  # T: mobula._core.ObjectRef[None]
first, second = pair.remote(1)

# A reference may stand for a positional argument.
number = ray.put(3)
word = ray.put("word")
reveal_type(number)  # T: mobula._core.ObjectRef[int]
reveal_type(half.remote(number))  # T: mobula._core.ObjectRef[float]
reveal_type(join.remote(half.remote(1), word))  # T: mobula._core.ObjectRef[str]
half.remote(word)  # E: expected "int | ObjectRef[int]"
join.remote(1.0, number)  # E: expected "str | ObjectRef[str]"

# Arguments are those of the function.
half.remote("one")  # E: No overload variant
half.remote()  # E: require at least one argument
half.remote(1, 2)  # E: No overload variant
half.remote(y=1)  # E: Unexpected keyword argument
join.remote(1.0, times="a")  # E: No overload variant
nothing.remote(1)  # E: Too many arguments
half(1)  # E: "RemoteFunction[[int], float]" not callable
pair.remote("a")  # E: No overload variant
half.remoet(1)  # E: has no attribute "remoet"

# Options leave the rest as it is.
reveal_type(half.options(name="named").remote(1))  # T: mobula._core.ObjectRef[float]
half.options(num_cpus=1).remote("one")  # E: No overload variant
one, two = half.options(num_returns=2).remote(1)
reveal_type(half.options(num_returns=1).remote(1))  # T: mobula._core.ObjectRef[float]

# Generators.


@ray.remote
def countdown(start: int) -> Generator[int, None, None]:
    while start:
        yield start
        start -= 1


@ray.remote(num_cpus=2, num_returns="streaming")
def letters(word: str) -> Iterator[str]:
    yield from word


reveal_type(countdown.remote(3))  # T: mobula._object_ref_generator.ObjectRefGenerator[int]
reveal_type(countdown.remote(number))  # T: mobula._object_ref_generator.ObjectRefGenerator[int]
reveal_type(letters.remote("ray"))  # T: mobula._object_ref_generator.ObjectRefGenerator[str]
reveal_type(next(countdown.remote(3)))  # T: mobula._core.ObjectRef[int]
reveal_type([ray.get(one) for one in letters.remote("ray")])  # T: list[str]
reveal_type(letters.remote("a").completed())  # T: mobula._core.ObjectRef[None]
several = ray.wait([countdown.remote(1), countdown.remote(2)])[0]
reveal_type(several)  # T: list[mobula._object_ref_generator.ObjectRefGenerator[int]]
ray.cancel(countdown.remote(1))
countdown.remote("one")  # E: No overload variant
reveal_type(letters.options(num_returns="dynamic").remote("ray"))  # T: Any


async def take() -> None:
    async for one in countdown.remote(3):
        reveal_type(await one)  # T: int


# get, wait and put keep the types.
reveal_type(ray.get(half.remote(1)))  # T: float
reveal_type(ray.get([half.remote(1), half.remote(2)], timeout=5))  # T: list[float]
reveal_type(ray.get(number))  # T: int
ready, waiting = ray.wait([number], num_returns=1)
reveal_type(ready)  # T: list[mobula._core.ObjectRef[int]]
ray.get(5)  # E: No overload variant
ray.get(half)  # E: No overload variant
ray.get(number, 5)  # E: No overload variant
ray.wait(number)  # E: incompatible type
text: str = ray.get(number)  # E: Incompatible types in assignment
ray.get(ray.put([number])[0])  # E: not indexable


def sum_of(references: list[ray.ObjectRef[int]]) -> int:
    return sum(ray.get(references))


sum_of([number, total.remote(1)])
sum_of([word])  # E: List item 0

# References in coroutines and threads.


async def main() -> None:
    reveal_type(await number)  # T: int
    reveal_type(await asyncio.gather(number, word))  # T: tuple[int, str]


reveal_type(number.future().result())  # T: int

# Actors.
CounterActor = ray.remote(Counter)
reveal_type(CounterActor)  # T: mobula._actor.ActorClass[typed.program.Counter, [start: int]]
CounterActor.remote("one")  # E: No overload variant
CounterActor.remote()  # E: require at least one argument
CounterActor.remote(start=1)
CounterActor.remote(number)
CounterActor.remote(word)  # E: expected "int | ObjectRef[int]"
kept: ray.ActorClass[Counter] = CounterActor
counter = CounterActor.options(name="counter").remote(1)
reveal_type(counter)  # T: mobula._actor_handle.ActorHandle[typed.program.Counter]
again: ray.ActorHandle[Counter] = ray.get_actor("counter")
ray.get(counter.add.remote(1))
CounterActor(1)  # E: "ActorClass[Counter, [int]]" not callable
GpuCounter = ray.remote(num_gpus=1)(Counter)
reveal_type(GpuCounter)  # T: mobula._actor.ActorClass[typed.program.Counter, [start: int]]
ray.kill(number)  # E: expected "ActorHandle[Any]"
ray.cancel(counter)  # E: expected "ObjectRef[Any] | ObjectRefGenerator[Any]"

# Methods that say so are typed through an ActorProxy.


class Adder:
    def __init__(self) -> None:
        self.value = 0

    @ray.method
    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    @ray.method
    async def wait(self, seconds: float) -> str:
        return str(self.add(round(seconds)))

    @ray.method(num_returns=2)
    def both(self) -> tuple[int, int]:
        return self.add(1), self.add("one")  # E: incompatible type


async def use(adder: ActorProxy[Adder]) -> None:
    reveal_type(adder.add.remote(1))  # T: Any | mobula._core.ObjectRef[int]
    reveal_type(adder.wait.remote(1))  # T: Any | mobula._core.ObjectRef[str]
    adder.add.remote(number)
    adder.add.remote("one")  # E: No overload variant
    adder.add.remote()  # E: require at least one argument
    adder.wait.remote(word)  # E: expected "float | ObjectRef[float]"
    reveal_type(await adder.wait.remote(1))  # T: Any | str


async def pass_on() -> None:
    await use(ray.remote(Adder).remote())
    await use(counter)  # E: incompatible type


# What stands beside the core.
pool = ActorPool([counter])
results: Iterator[int] = as_completed([number])
with Pool(2) as processes:
    values: list[int] = processes.map(abs, [1, -2])
    processes.map(half, [1])
    processes.map(5, [1])  # E: incompatible type
ActorPool(number)  # E: incompatible type
