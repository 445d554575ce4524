"""The routes of the availability of addresses: how many each network has, and how many of them are held.

What is set aside for clouds (their DHCP ports) is held: nobody else gets it.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import ranges_of
from fractus.services.field import Field, Match, named
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.parts import listed
from fractus.services.network.dialect.queries.rows import rows
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import hidden, not_found
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Store
from fractus.web.routing import Call, Reply, Route

_ONE, _MANY = "network_ip_availability", "network_ip_availabilities"
_RULE = "get_network_ip_availability"
_DETAILS = (
    "total_ips_in_subnet", "total_ips_in_allocation_pool", "used_ips_in_subnet", "used_ips_in_allocation_pool",
)  # fmt: skip

FIELDS = named([
    Field("network_id", match=Match("network_id"), sort="network_id"),
    Field("network_name", match=Match("network_name")),
    Field("project_id", match=Match("project_id")),
    Field("tenant_id", match=Match("tenant_id")),
    Field("subnet_ip_availability"),
    Field("used_ips"),
    Field("total_ips"),
    Field("ip_availability_details"),
])  # fmt: skip


class IpAvailabilityApi:
    """Handlers of the availability of addresses."""

    def __init__(self, store: Store, resources: Resources) -> None:
        self._store, self._resources, self._addresses = store, resources, Addresses()

    def routes(self) -> list[Route]:
        """All of them."""
        path = "/network-ip-availabilities"
        return [
            Route(
                method="GET", path=path, handler=self.index, rule="regular_user",
                summary="List how many addresses of each network are left.",
            ),
            Route(
                method="GET", path=f"{path}/{{id}}", handler=self.show, rule="regular_user",
                summary="Show how many addresses of a network are left.",
            ),
        ]  # fmt: skip

    async def index(self, call: Call) -> Reply:
        """GET the list: empty, rather than refused, to those who may not see it."""
        if not call.allows(_RULE):
            return Reply(200, {_MANY: []})
        versions = [values.to_int(one) for one in call.query.all("ip_version")]
        every = await self._every(self._store, [], versions)
        shown, links = listed(call, FIELDS, every, beside=("ip_version",))
        return Reply(200, {_MANY: shown, f"{_MANY}_links": links} if links else {_MANY: shown})

    async def show(self, call: Call) -> Reply:
        """GET that of one network."""
        if not call.allows(_RULE):
            raise hidden()
        id = call.params["id"]
        found = await self._every(self._store, [Filter("id", "eq", id)], [])
        if not found:
            raise not_found("network", id)
        only = lists.fields(call.query)
        return Reply(
            200,
            {
                _ONE: {
                    name: one
                    for name, one in found[0].items()
                    if name in FIELDS and (not only or name in only)
                }
            },
        )

    async def _every(
        self, reader: Reader, which: Sequence[Filter], versions: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Of networks for which these hold. `versions`: only those with subnets of one of these families, and only
        those subnets.
        """
        networks = await rows(
            reader, self._resources, "network", *which, columns=("id", "name", "project_id")
        )
        of = [Filter("network_id", "eq", networks[0][0])] if which and networks else []
        if versions:
            of.append(Filter("ip_version", "in", versions))
        subnets = defaultdict(list)
        for id, summary in await rows(
            reader, self._resources, "subnet", *of, columns=("network_id", "summary")
        ):
            subnets[id].append(await self._of_subnet(reader, msgspec.json.decode(summary)))
        return [_of_network(row, subnets[row[0]]) for row in networks if not versions or row[0] in subnets]

    async def _of_subnet(self, reader: Reader, subnet: dict[str, Any]) -> dict[str, Any]:
        held, pooled = await self._addresses.count(reader, subnet["id"])
        net = ipaddress.ip_network(subnet["cidr"])
        usable = net.num_addresses - (2 if net.version == 4 else 0)
        pools = sum(pool.size for pool in ranges_of(subnet["allocation_pools"]))
        return {
            "subnet_id": subnet["id"],
            "ip_version": net.version,
            "cidr": subnet["cidr"],
            "subnet_name": subnet["name"],
            "used_ips": held,
            "total_ips": pools or net.num_addresses,
            "ip_availability_details": dict(zip(_DETAILS, (usable, pools, held, pooled), strict=True)),
        }


def _of_network(row: Sequence[Any], subnets: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of its subnets."""
    id, name, project_id = row
    details = [one["ip_availability_details"] for one in subnets]
    return {
        "id": id,
        "network_id": id,
        "network_name": name,
        "project_id": project_id,
        "tenant_id": project_id,
        "subnet_ip_availability": subnets,
        "used_ips": sum(one["used_ips"] for one in subnets),
        "total_ips": sum(one["total_ips"] for one in subnets),
        "ip_availability_details": {name: sum(one[name] for one in details) for name in _DETAILS},
    }
