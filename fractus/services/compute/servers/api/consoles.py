"""What only the cloud of a server can say of it now: consoles, diagnostics, and the password that it has posted."""

from __future__ import annotations

from functools import partial
from typing import Any

from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import Dependencies, check_placed, find, shown
from fractus.services.compute.servers.api.live import (
    clear_password,
    diagnostics,
    old_console,
    remote_console,
    server_password,
)
from fractus.services.compute.servers.api.parts import strict
from fractus.services.compute.servers.schema import acting
from fractus.services.compute.servers.schema.consoles import ConsoleBody, DirectConsoleBody, MksConsoleBody
from fractus.services.compute.servers.versions import PARTS, REQUESTS
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route
from fractus.web.schema import body_schema, convert

#: Consoles as they were asked for before 2.6: the action's key, its body, what of it a summary calls.
_OLD: tuple[tuple[str, Any, str], ...] = (
    ("os-getVNCConsole", acting.VncBody, "VNC"),
    ("os-getSPICEConsole", acting.SpiceBody, "SPICE"),
    ("os-getSerialConsole", acting.SerialBody, "serial"),
)


def _check(body: Any, version: Version) -> None:
    if REQUESTS.behaviour("consoles_of_spice_direct", version):
        convert(body, DirectConsoleBody)
    elif REQUESTS.behaviour("consoles_of_mks", version):
        convert(body, MksConsoleBody)
    else:
        convert(body, ConsoleBody)


class Consoles:
    """`/servers/{server_id}/remote-consoles` and the like."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        one = "/servers/{server_id}"
        return [
            Route(
                method="POST",
                path=f"{one}/remote-consoles",
                handler=self.create,
                rule=policy.REMOTE_CONSOLES,
                schema=_check,
                min_version=Version(2, 6),
                live=True,
                summary="Get the URL of a server's console from its cloud.",
            ),
            *(
                Route(
                    method="POST",
                    path=f"{one}/action",
                    action=key,
                    handler=partial(self.old, key),
                    rule=policy.REMOTE_CONSOLES,
                    schema=body_schema(body),
                    max_version=Version(2, 5),
                    live=True,
                    summary=f"Get the URL of a server's {name} console from its cloud.",
                )
                for key, body, name in _OLD
            ),
            Route(
                method="GET",
                path=f"{one}/diagnostics",
                handler=self.diagnostics,
                rule=policy.DIAGNOSTICS,
                live=True,
                summary="Read what the hypervisor of a server measures of it.",
            ),
            Route(
                method="GET",
                path=f"{one}/os-server-password",
                handler=self.password,
                rule=policy.PASSWORD_SHOW,
                live=True,
                summary="Read the encrypted password that a server has posted.",
            ),
            Route(
                method="DELETE",
                path=f"{one}/os-server-password",
                handler=self.clear_password,
                rule=policy.PASSWORD_CLEAR,
                live=True,
                summary="Have a server's cloud forget the password that it has posted.",
            ),
        ]

    async def create(self, call: Call) -> Reply:
        """The URL that the cloud gives: its own proxy answers it, no traffic of the console passes here."""
        server = await find(self._given, call, policy.REMOTE_CONSOLES)
        check_placed(server, shown(server))
        asked = call.body["remote_console"]
        url = await self._given.live.ask(server, remote_console(asked["protocol"], asked["type"]))
        return Reply(200, {"remote_console": {**asked, "url": url["url"]}})

    async def old(self, key: str, call: Call) -> Reply:
        """The same as an action."""
        server = await find(self._given, call, policy.REMOTE_CONSOLES)
        check_placed(server, shown(server))
        type = call.body[key]["type"]
        console = await self._given.live.ask(server, old_console(key, type))
        return Reply(200, {"console": {"type": type, "url": console["url"]}})

    async def diagnostics(self, call: Call) -> Reply:
        """As its cloud tells them: before 2.48 each hypervisor in a form of its own."""
        strict(call)
        server = await find(self._given, call, policy.DIAGNOSTICS)
        one_form = PARTS.behaviour("diagnostics_in_one_form", call.version)
        check_placed(server, shown(server))
        return Reply(200, await self._given.live.ask(server, diagnostics("2.48" if one_form else "")))

    async def password(self, call: Call) -> Reply:
        """Empty where it has posted none."""
        strict(call)
        server = await find(self._given, call, policy.PASSWORD_SHOW)
        if not shown(server)["hostId"]:
            return Reply(200, {"password": ""})
        return Reply(200, {"password": await self._given.live.ask(server, server_password())})

    async def clear_password(self, call: Call) -> Reply:
        """It is forgotten there, and is the server's still."""
        server = await find(self._given, call, policy.PASSWORD_CLEAR)
        if shown(server)["hostId"]:
            await self._given.live.ask(server, clear_password())
        return Reply(204)
