"""What of a server only its cloud can say, now."""

from __future__ import annotations

from typing import Any

from fractus.model.live import LiveCall

#: The driver of the cloud's hypervisors has nothing of the sort (Nova's `raise_feature_not_supported`).
_NOT_THERE = frozenset({501})


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
        refusals=_NOT_THERE,
        missing="Instance {id} has no console.",
        not_ready="Instance {id} is not ready",
    )


def diagnostics(version: str) -> LiveCall:
    """What its hypervisor measures of it, in the form of a microversion."""
    return LiveCall(
        name="diagnostics",
        noun="the diagnostics",
        service="compute",
        path="/servers/{id}/diagnostics",
        version=version,
        type=dict[str, Any],
        admin=True,
        refusals=frozenset({400, 409}),
        missing="Instance {id} could not be found.",
        not_ready="Instance {id} is not ready",
    )


def server_password() -> LiveCall:
    """The password that it has posted, encrypted with its key."""
    return LiveCall(
        name="server_password",
        noun="the password",
        service="compute",
        path="/servers/{id}/os-server-password",
        key="password",
        type=str | None,
        null="",
        missing="Instance {id} could not be found.",
        not_ready="Instance {id} is not ready",
    )


def clear_password() -> LiveCall:
    """Have its cloud forget it."""
    return LiveCall(
        name="clear_password",
        noun="an answer",
        service="compute",
        method="DELETE",
        path="/servers/{id}/os-server-password",
        type=None,
        empty=True,
        missing="Instance {id} could not be found.",
        not_ready="Instance {id} is not ready",
    )


def old_console(key: str, type: str) -> LiveCall:
    """One of its consoles, as they were asked for before 2.6."""
    return LiveCall(
        name="remote_console",
        noun="the console",
        service="compute",
        method="POST",
        path="/servers/{id}/action",
        body={key: {"type": type}},
        key="console",
        type=dict[str, str],
        refusals=frozenset({400, 409}),
        missing="Instance {id} could not be found.",
        not_ready="Instance {id} is not ready",
    )


#: The microversions that a cloud needs for consoles that the first form of the call did not have.
_CONSOLES_SINCE = {"webmks": "2.8", "spice-direct": "2.99"}


def remote_console(protocol: str, type: str) -> LiveCall:
    """One of its consoles, `url` and all. That the cloud has none of this type is for the user to read."""
    return LiveCall(
        name="remote_console",
        noun="the console",
        service="compute",
        method="POST",
        path="/servers/{id}/remote-consoles",
        body={"remote_console": {"protocol": protocol, "type": type}},
        version=_CONSOLES_SINCE.get(type, "2.6"),
        key="remote_console",
        type=dict[str, str],
        refusals=_NOT_THERE | {400, 409},
        missing="Instance {id} could not be found.",
        not_ready="Instance {id} is not ready",
    )
