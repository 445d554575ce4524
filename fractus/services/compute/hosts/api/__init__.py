"""Services, hypervisors and hosts: read from their mirrors, changed in their clouds."""

from __future__ import annotations

from fractus.services.compute.hosts.api.access import Given
from fractus.services.compute.hosts.api.audit import AuditLog
from fractus.services.compute.hosts.api.hosts import Hosts
from fractus.services.compute.hosts.api.hypervisors import Hypervisors
from fractus.services.compute.hosts.api.services import Services
from fractus.web.routing import Route


class HostsApi:
    """All routes of hosts."""

    def __init__(self, given: Given) -> None:
        self._parts = (Services(given), Hypervisors(given), Hosts(given), AuditLog(given))

    def routes(self) -> list[Route]:
        """Rows of the route table."""
        return [route for part in self._parts for route in part.routes()]
