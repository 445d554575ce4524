"""Live reads: the few things that are asked of a child within a request, each with a deadline (law 2)."""

from __future__ import annotations

from fractus.model.cloud import Scope
from fractus.model.errors import CloudError, Conflict, Missing, NotFound, Unavailable
from fractus.model.resource import Resource
from fractus.reconcile.machine import Children
from fractus.store import presences
from fractus.store.transaction import Reader

#: Seconds that a child has for a console log: less than the patience of the usual clients.
DEADLINE = 10.0


class LiveConsoles:
    """Reads console logs from the cloud that has the server."""

    def __init__(self, reader: Reader, children: Children) -> None:
        """`reader`: where presences are read."""
        self._reader = reader
        self._children = children

    async def console_log(self, server: Resource, lines: int | None) -> str:
        """The end of the server's console log, or all of it."""
        here = [
            one for one in await presences.of_resource(self._reader, server.kind, server.id) if one.remote_id
        ]
        if not here:
            raise Conflict(f"Instance {server.id} is not ready")
        presence = here[0]
        cloud = self._children.get(presence.cloud)
        if cloud is None:
            raise Unavailable(f"The cloud {presence.cloud} cannot be asked just now.")
        try:
            return await cloud.console_log(
                Scope(server.project_id), presence.remote_id or "", lines, DEADLINE
            )
        except Missing as error:
            raise NotFound(f"Instance {server.id} has no console.") from error
        except CloudError as error:
            raise Unavailable(
                f"The cloud {presence.cloud} did not give the console log: {error.reason}"
            ) from error
