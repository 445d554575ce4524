"""The routes of Nova's proxies."""

from __future__ import annotations

from fractus.services.compute.proxies.api.groups import Groups
from fractus.services.compute.proxies.api.images import Images
from fractus.services.compute.proxies.api.networks import FloatingIps, Networks
from fractus.services.compute.proxies.api.storage import Storage
from fractus.web.inside import Inside
from fractus.web.routing import Route


class ProxiesApi:
    """All of them."""

    def __init__(self, inside: Inside) -> None:
        self._parts = [part(inside) for part in (Groups, Networks, FloatingIps, Images, Storage)]

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [route for part in self._parts for route in part.routes()]
