"""Structured logs: one event a line, with the request id of whoever caused it."""

from __future__ import annotations

import contextvars
import datetime
import logging
import re
import sys
from typing import Any, TextIO

import msgspec
import structlog

#: The request id that this task works for; also sent on to children.
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("fractus_request_id", default="")

_SECRET_WORDS = ("password", "secret", "token", "credential")


def _add_request_id(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    current = request_id.get()
    if current:
        event.setdefault("request_id", current)
    return event


def _hide_secrets(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
    return event


def configure(level: str = "info", *, json: bool = False, stream: TextIO | None = None) -> None:
    """Set up logging once for the process: JSON lines for machines, columns for people."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    _set_up.processors = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _hide_secrets,
        structlog.processors.format_exc_info,
        renderer,
    ]
    _set_up.renderer, _set_up.json, _set_up.stream = renderer, json, stream or sys.stderr
    _set_up.info = logging.getLevelNamesMapping()[level.upper()] <= logging.INFO
    structlog.configure(
        processors=_set_up.processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger bound to the name of its part, as in `log = logger("reconcile.converge")`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


class _SetUp:
    """What `configure` was last told."""

    processors: list[Any] = []
    renderer: Any = None
    json = False
    stream: TextIO = sys.stderr
    info = True


_set_up = _SetUp()

#: Text that structlog's columns show as it is.
_PLAIN = re.compile(r"[!#-&(-<>-~]*")


class Frequent:
    """One kind of event at level info that comes with every request: written as `logger(part).info(event, ...)` writes
    it, for a tenth of the processor time. The names of its fields are known, and none is a secret's.
    """

    def __init__(self, part: str, event: str) -> None:
        self._part = part
        self._event = event
        self._slow = logger(part)

    def tell(self, **fields: Any) -> None:
        """Write one line. Whoever has given structlog other processors since (a test that looks on) gets it there."""
        processors = structlog.get_config()["processors"]
        if processors is not _set_up.processors or processors[-1] is not _set_up.renderer:
            self._slow.info(self._event, **fields)
        elif _set_up.info:
            stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")[:-6] + "Z"
            _set_up.stream.write(self._line(stamp, fields))
            _set_up.stream.flush()

    def _line(self, stamp: str, fields: dict[str, Any]) -> str:
        if _set_up.json:
            whole = {"part": self._part, **fields, "event": self._event, "level": "info", "timestamp": stamp}
            return msgspec.json.encode(whole).decode() + "\n"
        fields["part"] = self._part
        told = " ".join([f"{name}={_shown(fields[name])}" for name in sorted(fields)])
        return f"{stamp} [info     ] {self._event:<30} {told}\n"


def _shown(value: Any) -> str:
    if type(value) is str:
        return value if _PLAIN.fullmatch(value) else repr(value)
    return repr(value)
