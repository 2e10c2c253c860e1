# SPDX-License-Identifier: Apache-2.0
"""Log lines of programs that say where they come from: node, worker, task, actor."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Any

from mobula._runtime import current_or_none

# Those of a record that lines have without being asked.
_ALWAYS = ("asctime", "levelname", "message", "filename", "lineno", "exc_text")
_MORE = (
    *("name", "msg", "args", "levelno", "pathname", "module", "exc_info", "stack_info", "funcName"),
    *("created", "msecs", "relativeCreated", "thread", "threadName", "processName", "process"),
    "taskName",
)


@dataclasses.dataclass
class LoggingConfig:
    """How the driver and the workers of a job write what they log.

    As TEXT, ``key=value`` behind the message, or as JSON, an object in each line. With each come
    job_id, worker_id and node_id, and within tasks task_id, task_name, actor_id and actor_name.

    >>> import mobula
    >>> mobula.LoggingConfig(encoding="JSON").log_level
    'INFO'
    """

    encoding: str = "TEXT"
    log_level: str = "INFO"
    # Of Python's log records, besides the usual ones.
    additional_log_standard_attrs: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        """Checks what was given."""
        if self.encoding not in _FORMATTERS:
            raise ValueError(
                f"Invalid encoding type: {self.encoding}. Valid encoding types are: "
                f"{list(_FORMATTERS)}"
            )
        if not isinstance(logging.getLevelName(self.log_level), int):
            raise ValueError(
                f"Unknown log level: {self.log_level}. Valid ones are: DEBUG, INFO, WARNING, ERROR "
                f"and CRITICAL"
            )
        for name in self.additional_log_standard_attrs:
            if name not in (*_ALWAYS, *_MORE):
                raise ValueError(
                    f"Unknown python logging standard attribute: {name}. The valid attributes are: "
                    f"{sorted((*_ALWAYS, *_MORE))}"
                )

    def to_dict(self) -> dict[str, object]:
        """As JSON can have it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> LoggingConfig:
        """What ``to_dict`` made; keys that are not known are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in known})


def apply(config: LoggingConfig) -> None:
    """To the root logger of this process, whose other handlers stay."""
    handler = logging.StreamHandler()
    handler.setLevel(config.log_level)
    handler.setFormatter(_FORMATTERS[config.encoding](config.additional_log_standard_attrs))
    handler.addFilter(_add_origin)
    root = logging.getLogger()
    # Of an earlier cluster of this program.
    for old in [one for one in root.handlers if isinstance(one.formatter, _Structured)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(config.log_level)


def _origin() -> dict[str, str]:
    execution = current_or_none()
    if execution is None:
        return {}
    address = execution.runtime.identity["address"]
    origin = {
        "job_id": execution.runtime.identity["job"],
        "worker_id": address["worker"],
        "node_id": address["node"],
    }
    task = execution.task
    if task is not None:
        origin |= {"task_id": task.task, "task_name": task.name}
        if task.actor:
            origin["actor_id"] = task.actor
            host = execution.runtime.actor_host
            if host is not None and host.name:
                origin["actor_name"] = host.name
    return origin


def _add_origin(record: logging.LogRecord) -> bool:
    # Here, and not in the formatter: a handler may format in another thread.
    record.mobula_origin = _origin()
    return True


class _Structured(logging.Formatter):
    def __init__(self, more: list[str]) -> None:
        super().__init__()
        self._more = more

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = {name: getattr(record, name, None) for name in self._more}
        fields |= getattr(record, "mobula_origin", {})
        # What the program gave with `extra`.
        usual = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime", "mobula_origin"}
        fields |= {name: value for name, value in record.__dict__.items() if name not in usual}
        fields["timestamp_ns"] = int(record.created * 1e9)
        return fields


class _Text(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in self._fields(record).items())
        line = (
            f"{self.formatTime(record)} {record.levelname} {record.filename}:{record.lineno} -- "
            f"{record.getMessage()} {fields}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "asctime": self.formatTime(record),
            "levelname": record.levelname,
            "message": record.getMessage(),
            "filename": record.filename,
            "lineno": record.lineno,
            **self._fields(record),
        }
        if record.exc_info:
            fields["exc_text"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


_FORMATTERS: dict[str, type[_Structured]] = {"TEXT": _Text, "JSON": _Json}
