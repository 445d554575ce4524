"""Structured logs: one event a line, with the request id of whoever caused it."""

from __future__ import annotations

import contextvars
import datetime
import logging
import os
import re
import sys
from typing import Any, TextIO, cast

import msgspec
import structlog

#: The request id that this task works for; also sent on to children.
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("fractus_request_id", default="")

_SECRET_WORDS = ("password", "secret", "token", "credential")


#: The descriptor of standard error: the only one that no other file can get while the process lives.
_STDERR = 2


class Sink:
    """Where lines go. Writing one never raises: on a full disk or a broken pipe lines are lost, and the next one that
    can be written comes after one that says how many. A program must not end, nor a request fail, of its log.
    """

    def __init__(self, stream: TextIO | None, *, json: bool = False) -> None:
        """`stream`: that of errors is written past its buffer, which would keep what could not be written. None: that
        of a process which was started without it.
        """
        self._stream = stream
        self._json = json
        self._torn = False
        self._direct = _number(stream) == _STDERR
        self.lost = 0
        """Lines that could not be written since the last one that could."""

    def write(self, text: str) -> int:
        """Write whole lines."""
        try:
            self._put(self._note() + text if self.lost else text)
        except (OSError, ValueError):
            self.lost += 1
        else:
            self.lost = 0
        return len(text)

    def _put(self, text: str) -> None:
        if self._stream is None:
            raise OSError("this process has no standard error")
        if not self._direct:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        while data:
            done = os.write(_STDERR, data)
            data = data[done:]
            self._torn = bool(data)

    def _note(self) -> str:
        fields = {"part": "base.log", "number": self.lost}
        return _line("warning", "lines of this log could not be written", fields, json=self._json)

    def flush(self) -> None:
        """Nothing is kept back."""


def _number(stream: TextIO | None) -> int:
    """The descriptor under a stream; -1 where there is none."""
    try:
        return -1 if stream is None else stream.fileno()
    except (OSError, ValueError, AttributeError):
        return -1


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
    sink = Sink(stream or sys.stderr, json=json)
    _set_up.renderer, _set_up.json, _set_up.sink = renderer, json, sink
    _set_up.info = logging.getLevelNamesMapping()[level.upper()] <= logging.INFO
    structlog.configure(
        processors=_set_up.processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # What it is given is written to, and flushed.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, sink)),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger bound to the name of its part, as in `log = logger("reconcile.converge")`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


class _SetUp:
    """What `configure` was last given."""

    processors: list[Any] = []
    renderer: Any = None
    json = False
    sink: Sink = Sink(sys.stderr)
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

    def write(self, **fields: Any) -> None:
        """Write one line. Whoever has given structlog other processors since (a test that looks on) gets it there."""
        processors = structlog.get_config()["processors"]
        if processors is not _set_up.processors or processors[-1] is not _set_up.renderer:
            self._slow.info(self._event, **fields)
        elif _set_up.info:
            whole = {"part": self._part, **fields}
            _set_up.sink.write(_line("info", self._event, whole, json=_set_up.json))


def _line(level: str, event: str, fields: dict[str, Any], *, json: bool) -> str:
    """What structlog would write, for values that need no more than this."""
    stamp = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    if json:
        whole = {**fields, "event": event, "level": level, "timestamp": stamp}
        return msgspec.json.encode(whole).decode() + "\n"
    fields_text = " ".join([f"{name}={_shown(fields[name])}" for name in sorted(fields)])
    return f"{stamp} [{level:<9}] {event:<30} {fields_text}\n"


def _shown(value: Any) -> str:
    if type(value) is str:
        return value if _PLAIN.fullmatch(value) else repr(value)
    return repr(value)
