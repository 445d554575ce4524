"""Services, hosts, pools and clusters: read from their mirrors, changed in their clouds."""

from __future__ import annotations

from fractus.services.volume.hosts.api.access import Given
from fractus.services.volume.hosts.api.clusters import Clusters
from fractus.services.volume.hosts.api.hosts import Hosts
from fractus.services.volume.hosts.api.pools import Pools
from fractus.services.volume.hosts.api.services import Services
from fractus.services.volume.hosts.api.workers import Workers
from fractus.web.routing import Route


class HostsApi:
    """All routes of hosts."""

    def __init__(self, given: Given) -> None:
        self._parts = (
            Services(given), Hosts(given), Pools(given), Clusters(given), Workers(given),
        )  # fmt: skip

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [route for part in self._parts for route in part.routes()]
