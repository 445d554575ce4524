"""The API of subnets, as far as it is particular: their addresses, pools and networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.addressing.ranges import pools_of
from fractus.model.resource import Resource
from fractus.model.routers import INTERFACES
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.access import authorise, fetch_visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.lists import leading_out
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.addresses import check_apart
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import bad_request, conflict, not_carried
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.dialect.schema.outside import is_clouds_own
from fractus.services.network.subnets import schema
from fractus.services.network.subnets.kind import KIND, SEGMENT
from fractus.services.network.subnets.writes import SubnetWrites, of_network, subnets_of
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class SubnetApi(CollectionApi):
    """Handlers of subnets."""

    kind = KIND
    special = {"router:external": leading_out}
    on_network = True
    admin_rule = SEGMENT

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._subnets, self._pools, self._ports = at.own(SubnetWrites), at.pools, at.ports

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its parts fit together, and with what is on its network.

        It belongs to its network's project: in a cloud nobody else could put it there.
        """
        id, version = item.values["network_id"], item.values["ip_version"]
        network = await fetch_visible(tx, self._resources, call, "network", id, neutron.target)
        authorise(call, "create_subnet", KIND.fields, item, neutron.target(network), create=True)
        if is_clouds_own(network):
            raise not_carried(
                "network_id", f"network {id} is external and the clouds' own, and so are its subnets"
            )
        if item.set("cidr") and item.set("prefixlen"):
            raise bad_request("subnets", "cidr and prefixlen must not be supplied together")
        pool = await self._pools.choose(tx, call, item)
        net = schema.cidr_of(item) if pool is None else await self._pools.cut(tx, pool, item)
        schema.check_new(item, net)
        check_mtu(id, network.desired["mtu"], version)
        gateway, ranges = schema.plan(item, net)
        others = [one.desired for one in await subnets_of(tx, self._resources, id)]
        check_apart(net, [one["cidr"] for one in others], id)
        scope = network.desired.get("address_scopes", {}).get(str(version))
        schema.check_pools(others, version, pool, scope)
        if "project_id" in item.given and resource.project_id != network.project_id:
            raise not_carried("project_id", "a subnet belongs to the project of its network there")
        resource.project_id = network.project_id
        resource.desired |= {
            **of_network(network),
            "subnetpool_id": None if pool is None else pool.id,
            "cidr": str(net),
            "gateway_ip": gateway,
            "allocation_pools": pools_of(ranges, version),
        }
        if network.choice.get("only"):
            resource.choice = {"only": network.choice["only"]}
        await self._subnets.join(tx, resource, network, pool)

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """Ports that give themselves addresses have one there from now on."""
        if schema.is_self_addressed(resource.desired):
            await self._ports.join_subnet(tx, resource)

    async def before_update(
        self, tx: Transaction, call: Call, resource: Resource, item: Item
    ) -> Mapping[str, Any]:
        """Its parts still fit together; clouds get addresses for DHCP where they had none."""
        ranges = schema.changed_pools(resource.desired, item)
        if ranges is not None:
            item.values["allocation_pools"] = pools_of(ranges, resource.desired["ip_version"])
            await self._subnets.reshape(tx, resource, ranges)
        return await self._subnets.serve_dhcp(tx, resource) if item.values.get("enable_dhcp") else {}

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """No port has an address of it, but for those that gave it to themselves; a router's never does."""
        network_id = resource.desired["network_id"]
        own = schema.is_self_addressed(resource.desired)
        users = await self._ports.using(tx, network_id, resource.id)
        leads_out = resource.desired.get("external") and (
            await self._at.floating_ips.of_subnet(tx, resource.id)
            or await self._at.routers.lead_out_of(tx, network_id, resource.id)
        )
        if leads_out or any(not own or port.desired["device_owner"] in INTERFACES for port in users):
            raise conflict(
                f"Unable to complete operation on subnet {resource.id}: "
                "One or more ports have an IP allocation from this subnet.",
                "SubnetInUse",
            )
        await self._ports.leave_subnet(tx, network_id, resource.id)
        await self._subnets.leave(tx, resource)
