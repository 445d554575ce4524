"""Remote consoles: where a user's client reaches a server's screen or serial port. The cloud says the URL."""

from __future__ import annotations

from typing import Any

from fractus.services.compute.servers import policy
from fractus.services.compute.servers.api.access import Dependencies, check_placed, find, shown
from fractus.services.compute.servers.api.live import remote_console
from fractus.services.compute.servers.schema.consoles import ConsoleBody, DirectConsoleBody, MksConsoleBody
from fractus.services.compute.servers.versions import REQUESTS
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route
from fractus.web.schema import convert


def _check(body: Any, version: Version) -> None:
    if REQUESTS.behaviour("consoles_of_spice_direct", version):
        convert(body, DirectConsoleBody)
    elif REQUESTS.behaviour("consoles_of_mks", version):
        convert(body, MksConsoleBody)
    else:
        convert(body, ConsoleBody)


class Consoles:
    """`/servers/{server_id}/remote-consoles`."""

    def __init__(self, given: Dependencies) -> None:
        self._given = given

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [
            Route(
                method="POST",
                path="/servers/{server_id}/remote-consoles",
                handler=self.create,
                rule=policy.REMOTE_CONSOLES,
                schema=_check,
                min_version=Version(2, 6),
                live=True,
                summary="Get the URL of a server's console from its cloud.",
            )
        ]

    async def create(self, call: Call) -> Reply:
        """The URL that the cloud gives: its own proxy answers it, no traffic of the console passes here."""
        server = await find(self._given, call, policy.REMOTE_CONSOLES)
        check_placed(server, shown(server))
        asked = call.body["remote_console"]
        url = await self._given.live.ask(server, remote_console(asked["protocol"], asked["type"]))
        return Reply(200, {"remote_console": {**asked, "url": url["url"]}})
