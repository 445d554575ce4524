"""All routes of placement."""

from __future__ import annotations

from fractus.services.placement.providers.api.access import Given
from fractus.services.placement.providers.api.names import Names
from fractus.services.placement.providers.api.providers import Providers
from fractus.services.placement.providers.api.uses import Uses
from fractus.web.routing import Route


class PlacementApi:
    """Reading what there is in the clouds."""

    def __init__(self, given: Given) -> None:
        self._parts = (Providers(given), Names(given), Uses(given))

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [route for part in self._parts for route in part.routes()]
