"""What of a server only its cloud can say, now."""

from __future__ import annotations

from fractus.model.live import LiveCall


def console_log(lines: int | None) -> LiveCall:
    """The end of its console's log, or all of it."""
    return LiveCall(
        name="console_log",
        noun="the console log",
        service="compute",
        method="POST",
        path="/servers/{id}/action",
        body={"os-getConsoleOutput": {} if lines is None else {"length": lines}},
        key="output",
        type=str | None,
        null="",
        missing="Instance {id} has no console.",
        not_ready="Instance {id} is not ready",
    )
