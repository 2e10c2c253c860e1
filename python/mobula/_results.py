# SPDX-License-Identifier: Apache-2.0
"""What a worker reports of a task that it has run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobula import _core, _serialization
from mobula._errors import from_error_info

if TYPE_CHECKING:
    from mobula._runtime import Runtime


class Collected:
    """The results of a task whose number of results is fixed, as its generator made them."""

    def __init__(self, results: list[_core.Result]) -> None:
        """As they are reported."""
        self.results = results


class Incomplete(Exception):  # noqa: N818
    """The generator raised its cause when some of the results were there."""

    def __init__(self, results: list[_core.Result]) -> None:
        """The results before it."""
        super().__init__()
        self.results = results


def result_of(
    runtime: Runtime,
    task: _core.RunningTask,
    index: int,
    kind: int,
    value: _serialization.Serialized,
) -> _core.Result:
    """Return value ``index``, as it is reported. A large one is written to the store."""
    if value.size <= _serialization.INLINE_LIMIT:
        return kind, value.to_bytes(), value.size, value.contained
    process = runtime.process
    request = process.request_result_buffer(task, index, value.size)
    offset, error = runtime.await_request(request)
    if error is None:
        value.write_into(process.store_view(offset, value.size))
    elif error["kind"] != "kInvalid":
        raise from_error_info(error)
    # Else this node has a copy from an execution before, which the store keeps as ours.
    return kind, None, value.size, value.contained
