"""The API of servers: the routes of `/servers` and below, in files by what they do."""

from __future__ import annotations

from fractus.services.compute.servers.api.access import (
    Dependencies,
    Flavors,
    Images,
    Keypairs,
    Live,
    Ports,
    Quota,
    ServerLimits,
)
from fractus.services.compute.servers.api.changing import Changing
from fractus.services.compute.servers.api.consoles import Consoles
from fractus.services.compute.servers.api.creating import Creating
from fractus.services.compute.servers.api.history import History
from fractus.services.compute.servers.api.interfaces import Interfaces
from fractus.services.compute.servers.api.labels import Labels
from fractus.services.compute.servers.api.migrations import Migrations
from fractus.services.compute.servers.api.parts import Parts
from fractus.services.compute.servers.api.reading import Reading
from fractus.services.compute.servers.api.showing import Showing
from fractus.services.compute.servers.api.volumes import Volumes
from fractus.web.routing import Route

__all__ = [
    "Flavors",
    "Given",
    "Images",
    "Keypairs",
    "Live",
    "Ports",
    "Quota",
    "ServerLimits",
    "ServersApi",
]


class ServersApi:
    """Servers."""

    def __init__(self, given: Dependencies) -> None:
        """`given` is everything that they need of the rest of fractus."""
        showing = Showing(given)
        self._files = (
            Reading(given, showing),
            Creating(given),
            Changing(given, showing),
            Labels(given),
            Parts(given),
            Consoles(given),
            Interfaces(given),
            Volumes(given),
            History(given),
            Migrations(given),
        )

    def routes(self) -> list[Route]:
        """Everything below `/servers` that is served."""
        return [route for file in self._files for route in file.routes()]
