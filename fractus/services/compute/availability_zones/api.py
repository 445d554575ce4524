"""The routes of availability zones."""

from __future__ import annotations

from fractus.services.compute import only
from fractus.services.compute.availability_zones import policy, view
from fractus.services.compute.availability_zones.versions import ZONES
from fractus.store import clouds
from fractus.store.transaction import Store
from fractus.web.routing import Call, Reply, Route


class AvailabilityZonesApi:
    """Each cloud is a zone."""

    def __init__(self, store: Store) -> None:
        """Read from `store`."""
        self._store = store

    def routes(self) -> list[Route]:
        """Both lists."""
        return [
            Route(
                method="GET",
                path="/os-availability-zone",
                handler=self.index,
                rule=policy.LIST,
                summary="List the availability zones: the clouds.",
            ),
            Route(
                method="GET",
                path="/os-availability-zone/detail",
                handler=self.detail,
                rule=policy.DETAIL,
                summary="List the availability zones with the cloud behind each.",
            ),
        ]

    async def index(self, call: Call) -> Reply:
        """For everybody."""
        return Reply(200, view.document([view.listed(zone) for zone in await self._zones(call)]))

    async def detail(self, call: Call) -> Reply:
        """For admins."""
        return Reply(200, view.document([view.detailed(zone) for zone in await self._zones(call)]))

    async def _zones(self, call: Call) -> list[view.Zone]:
        if ZONES.behaviour("strict_query", call.version):
            only(call.query.names(), ())
        return [
            view.Zone(cloud.name, not cloud.closed, not cloud.error, cloud.seen_at)
            for cloud in await clouds.every(self._store)
        ]
