# SPDX-License-Identifier: Apache-2.0
"""What the driver prints that it did not write itself: workers' output, and warnings."""

from __future__ import annotations

import collections
import itertools
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

logger = logging.getLogger("mobula")

# How a line of a worker begins that moves a progress bar; see experimental/tqdm_ray.py.
PROGRESS_MARK = "__ray_tqdm_magic_token__ "
# How a line begins that says whose the lines after it are, in Ray's words; see _surroundings.py.
ACTOR_MARK, TASK_MARK = ":actor_name:", ":task_name:"

# Told of workers' lines, whether they are shown or not.
listeners: list[Callable[[dict[str, Any]], None]] = []


class Warned(NamedTuple):
    """A warning that the program's user was shown."""

    # Counts those of the process.
    number: int
    # When, as `time.time`.
    time: float
    # "" for those of which listeners hear nothing.
    kind: str
    message: str


# The last ones.
warnings: collections.deque[Warned] = collections.deque(maxlen=100)
_numbers = itertools.count()
# What those lines have said, by worker and whether it wrote them to its standard error.
_names: dict[tuple[str, bool], str] = {}


def configure(level: int | str) -> None:
    """Shows the package's messages on standard error, unless the program has arranged for them."""
    logger.setLevel(level)
    if not logger.handlers and not logging.getLogger().handlers:
        handler = _StderrHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s mobula: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False


class _StderrHandler(logging.Handler):
    """Writes to what ``sys.stderr`` is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


def warn(message: str, kind: str = "") -> None:
    """A warning of the runtime for the program's user; one of a kind is told to listeners, too."""
    warnings.append(Warned(next(_numbers), time.time(), kind, message))
    print(f"(mobula) warning: {message}", file=sys.stderr, flush=True)


def show(logs: dict[str, Any], own_name: str, *, visibly: bool = True) -> None:
    """Lines of a worker, each with its origin in front; or told to listeners only."""
    for batch in tell(logs, visibly=visibly):
        if visibly:
            write(batch, own_name)


def tell(logs: dict[str, Any], *, visibly: bool = True) -> list[dict[str, Any]]:
    """Tells listeners of lines, and moves progress bars; returns what is text of them, by name."""
    lines = _without_progress(logs["lines"], visibly)
    batches = [{**logs, **part} for part in _by_name(logs, lines)]
    for batch in batches:
        for listener in listeners:
            listener(batch)
    return batches


def _by_name(logs: dict[str, Any], lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    source = (logs["worker"], logs["is_error"])
    # The runtime knows an actor's worker by its first task.
    name, part = _names.get(source, logs["name"].removesuffix(".__init__")), list[str]()
    for line in lines:
        mark = next((one for one in (ACTOR_MARK, TASK_MARK) if line.startswith(one)), None)
        if mark is None:
            part.append(line)
            continue
        if part:
            yield {"name": name, "lines": part}
        name, part = line.removeprefix(mark), []
        _names[source] = name
    if part:
        yield {"name": name, "lines": part}


def write(logs: dict[str, Any], own_name: str) -> None:
    """Writes lines of a worker. The node is named when it is another than the driver's."""
    place = "" if logs["node_name"] in ("", own_name) else f", ip={logs['node_name']}"
    prefix = f"({logs['name'] or 'worker'} pid={logs['pid']}{place})"
    stream = sys.stderr if logs["is_error"] else sys.stdout
    text = "".join(f"{prefix} {line}\n" for line in logs["lines"])
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # The program has closed its output; its workers' lines have nowhere to go.
        return


def _without_progress(lines: Sequence[str], visibly: bool) -> list[str]:
    """The lines that are text; those that move progress bars move them."""
    marked = [line for line in lines if line.startswith(PROGRESS_MARK)]
    if marked and visibly:
        from mobula.experimental import tqdm_ray

        for line in marked:
            tqdm_ray.instance().process_state_update(json.loads(line.removeprefix(PROGRESS_MARK)))
    return [line for line in lines if not line.startswith(PROGRESS_MARK)] if marked else list(lines)
