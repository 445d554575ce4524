"""The route of floating IP pools: the IPv4 subnets of external networks, as whoever asks would use them."""

from __future__ import annotations

from fractus.model.network import EXTERNAL_TO
from fractus.services.field import Field, named
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.parts import listed
from fractus.services.network.dialect.queries.rows import rows
from fractus.services.network.dialect.table import named as to_whom
from fractus.store.listing import Filter
from fractus.web.routing import Call, Reply, Route

FIELDS = named([
    Field(name) for name in ("subnet_id", "subnet_name", "project_id", "network_id", "cidr", "tenant_id")
])  # fmt: skip

_FOURTH = Filter("ip_version", "eq", 4)
_COLUMNS = ("id", "name", "network_id", "cidr")


class FloatingIpPoolApi:
    """Handlers of floating IP pools. Neutron filters and sorts them by nothing."""

    def __init__(self, at: NetworkNeighbours) -> None:
        self._store, self._resources = at.store, at.ledger.resources

    def routes(self) -> list[Route]:
        """The one that there is."""
        return [
            Route(
                method="GET", path="/floatingip_pools", handler=self.index,
                rule="get_floatingip_pool", summary="List the subnets that floating IPs have addresses of.",
            )
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET the list. Each is the caller's own, whoever made its network, for each may take an address of it."""
        if not call.allows("get_floatingip_pool"):
            return Reply(200, {"floatingip_pools": []})
        project = call.principal.project_id
        some = Filter(EXTERNAL_TO, "notnull") if call.principal.is_admin else to_whom(project, EXTERNAL_TO)
        mine = [Filter("external", "eq", True), some]
        every = [
            {
                "id": id, "subnet_id": id, "subnet_name": name, "network_id": network_id, "cidr": cidr,
                "project_id": project, "tenant_id": project,
            }
            for id, name, network_id, cidr in await rows(
                self._store, self._resources, "subnet", _FOURTH, mine, columns=_COLUMNS
            )
        ]  # fmt: skip
        shown, links = listed(call, FIELDS, every)
        found = {"floatingip_pools": shown}
        return Reply(200, {**found, "floatingip_pools_links": links} if links else found)
