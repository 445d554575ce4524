"""Bodies of requests for remote consoles, by microversion."""

from __future__ import annotations

from typing import Literal

from fractus.web.schema import Body


class Console(Body):
    """Of the request, before consoles of VMware."""

    protocol: Literal["vnc", "spice", "serial", "rdp"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5"]


class ConsoleBody(Body):
    """`{"remote_console": {"protocol": "serial", "type": "serial"}}`."""

    remote_console: Console


class MksConsole(Body):
    """The same with them."""

    protocol: Literal["vnc", "spice", "serial", "rdp", "mks"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5", "webmks"]


class MksConsoleBody(Body):
    """Since 2.8."""

    remote_console: MksConsole


class DirectConsole(Body):
    """The same with SPICE spoken without a proxy."""

    protocol: Literal["vnc", "spice", "serial", "rdp", "mks"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5", "webmks", "spice-direct"]


class DirectConsoleBody(Body):
    """Since 2.99."""

    remote_console: DirectConsole
