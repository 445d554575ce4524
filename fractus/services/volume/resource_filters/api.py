"""The route of filters."""

from __future__ import annotations

from fractus.services.volume.resource_filters import policy
from fractus.services.volume.resource_filters.view import FILTERS
from fractus.web.microversion import Version
from fractus.web.routing import Call, Reply, Route


class ResourceFiltersApi:
    """A fixed document."""

    def routes(self) -> list[Route]:
        """One."""
        return [
            Route(
                method="GET",
                path="/resource_filters",
                handler=self.index,
                rule=policy.SEE,
                summary="List by what lists may be filtered.",
                min_version=Version(3, 33),
            )
        ]

    async def index(self, call: Call) -> Reply:
        """Of all collections, or of one; of one that is not there, nothing."""
        asked = call.query.one("resource")
        listed = [
            {"resource": name, "filters": list(filters)}
            for name, filters in FILTERS.items()
            if not asked or name == asked
        ]
        return Reply(200, {"resource_filters": listed})
