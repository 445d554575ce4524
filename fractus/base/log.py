"""Structured logs: one event a line, with the request id of whoever caused it."""

from __future__ import annotations

import contextvars
import logging
import sys
from typing import Any, TextIO

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
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_request_id,
            _hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger bound to the name of its part, as in `log = logger("reconcile.converge")`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound
