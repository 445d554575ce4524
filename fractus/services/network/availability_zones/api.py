"""The route of availability zones."""

from __future__ import annotations

from fractus.services.network.dialect.schema.errors import malformed
from fractus.store import clouds
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route

_FIELDS = ("name", "resource", "state")
_PASSED_OVER = frozenset({"fields", "limit", "marker", "sort_key", "sort_dir", "page_reverse"})


class AvailabilityZoneApi:
    """Handlers of availability zones. In Neutron a zone has networks, or routers; we have networks only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(
                method="GET", path="/availability_zones", handler=self.index,
                rule="get_availability_zone", summary="List availability zones.",
            )
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET availability_zones, filtered by any of their three attributes."""
        unknown = [name for name in call.query if name not in _FIELDS and name not in _PASSED_OVER]
        if unknown:
            raise malformed(f"{unknown} is invalid attribute for filtering")
        zones = [
            {
                "name": cloud.name,
                "resource": "network",
                "state": "unavailable" if cloud.closed else "available",
            }
            for cloud in await clouds.every(self._store)
        ]
        for name in _FIELDS:
            if name in call.query:
                zones = [zone for zone in zones if zone[name] in call.query.all(name)]
        only = call.query.all("fields") or _FIELDS
        return Reply(
            200,
            {
                "availability_zones": [
                    {name: zone[name] for name in _FIELDS if name in only} for zone in zones
                ]
            },
        )
