"""The API of subnets, as far as it is particular: their addresses, pools and networks; and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import Range, pools_of, ranges_of
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.model.routers import INTERFACES
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.access import authorise, seen
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.addresses import check_apart
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import bad_request, conflict, not_carried, not_found
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.subnets import schema
from fractus.services.network.subnets.kind import KIND
from fractus.services.network.subnets.queries import set_aside, subnets_of
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call


class SubnetWrites(Writer):
    """Writes subnets and the addresses that are given out of them."""

    def __init__(self, ledger: Ledger, addresses: Addresses, networks: Writer) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise)
        self._addresses = addresses
        self._networks = networks

    async def join(self, tx: Transaction, subnet: Resource, network: Resource, pool: Resource | None) -> None:
        """A new subnet is on its network, all its addresses free; cut from `pool`, where there is one."""
        version, pools = subnet.desired["ip_version"], ranges_of(subnet.desired["allocation_pools"])
        also = {} if pool is None else _scoped(network, version, pool.desired["address_scope_id"])
        await self._addresses.open(tx, subnet.id, pools, version)
        await self._networks.list_part(tx, network.id, "subnets", subnet.id, there=True, also=also)

    async def leave(self, tx: Transaction, subnet: Resource) -> None:
        """With the last subnet of its family that is of a pool its network is in no scope any more."""
        desired, also = subnet.desired, {}
        network_id, version = desired["network_id"], desired["ip_version"]
        if desired.get("subnetpool_id"):
            others = await self.of_version(tx, network_id, version)
            network = await self.ledger.resources.fetch(tx, "network", network_id)
            if network is not None and len(others) == 1:
                also = _scoped(network, version, None)
        await self._networks.list_part(tx, network_id, "subnets", subnet.id, there=False, also=also)

    async def of_version(self, reader: Reader, network_id: str, version: int) -> list[Resource]:
        """The subnets of one family on a network, oldest first."""
        found = await subnets_of(reader, self.ledger.resources, network_id)
        return [one for one in found if one.desired["ip_version"] == version]

    async def pooled(self, tx: Transaction, subnets: Sequence[Resource], pool: Resource) -> None:
        """Subnets of one network and one family are a pool's from now on."""
        for subnet in subnets:
            subnet.desired["subnetpool_id"] = pool.id
            await self.touch(tx, subnet)
        for id in {one.desired["network_id"] for one in subnets}:
            await self.network_scoped(tx, id, pool.desired["ip_version"], pool.desired["address_scope_id"])

    async def network_scoped(self, tx: Transaction, network_id: str, version: int, scope: str | None) -> None:
        """The pool that their network's subnets of a family are of is in another address scope now."""
        network = await self.ledger.resources.fetch(tx, "network", network_id)
        if network is not None:
            network.desired.update(_scoped(network, version, scope))
            await self._networks.touch(tx, network)

    async def reshape(self, tx: Transaction, subnet: Resource, pools: Sequence[Range]) -> None:
        """Other pools: what is held stays held."""
        await self._addresses.reshape(tx, subnet.id, pools, subnet.desired["ip_version"])

    async def serve_dhcp(self, tx: Transaction, subnet: Resource) -> None:
        """DHCP was switched on: clouds where the subnet is already, and that have no addresses yet, get theirs."""
        reserved = dict(subnet.desired.get("reserved", {}))
        for presence in await presences.of_resource(tx, KIND.name, subnet.id):
            if presence.wanted and not presence.memory.get("pools") and not reserved.get(presence.cloud):
                reserved[presence.cloud] = await set_aside(tx, self._addresses, subnet, presence.cloud)
        subnet.desired["reserved"] = reserved

    async def remove_of(self, tx: Transaction, network_id: str) -> None:
        """Remove all subnets of a network."""
        for subnet in await subnets_of(tx, self.ledger.resources, network_id):
            await self.remove(tx, subnet)

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """The network is shared now, or no longer: so are its subnets."""
        for subnet in await subnets_of(tx, self.ledger.resources, network.id):
            subnet.desired.update(_of_network(network))
            await self.touch(tx, subnet)


def _of_network(network: Resource) -> dict[str, Any]:
    """With whom its subnets are shared."""
    return {name: network.desired[name] for name in ("shared", SHARED_WITH) if name in network.desired}


def _scoped(network: Resource, version: int, scope: str | None) -> dict[str, Any]:
    """What changes of a network whose subnets of a family are in another scope."""
    return {"address_scopes": {**network.desired.get("address_scopes", {}), str(version): scope}}


def _external(given: list[str]) -> Filters:
    """Whether their networks are external."""
    asked = [values.to_boolean(text) for text in given]
    found = [Filter("external", "eq", one) for one in dict.fromkeys(asked)]
    return [[*found, *([] if all(asked) else [Filter("external", "null")])]]


class SubnetApi(CollectionApi):
    """Handlers of subnets."""

    kind = KIND
    special = {"router:external": _external}

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._at = at
        self._subnets, self._pools, self._ports = at.own(SubnetWrites), at.pools, at.ports

    def judge(self, call: Call, item: Item) -> None:
        """Nothing: who may make one depends on its network."""

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its parts fit together, and with what is on its network.

        It belongs to its network's project: in a cloud nobody else could put it there.
        """
        id, version = item.values["network_id"], item.values["ip_version"]
        found = await self._resources.fetch(tx, "network", id)
        network = seen(call, found, neutron.target, not_found("network", id))
        authorise(call, "create_subnet", KIND.fields, item, neutron.target(network), create=True)
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
            **_of_network(network),
            "network_project_id": network.project_id,
            "subnetpool_id": None if pool is None else pool.id,
            "cidr": str(net),
            "gateway_ip": gateway,
            "allocation_pools": pools_of(ranges, version),
        }
        await self._subnets.join(tx, resource, network, pool)

    async def after_create(self, tx: Transaction, resource: Resource) -> None:
        """Ports that give themselves addresses have one there from now on."""
        if schema.is_self_addressed(resource.desired):
            await self._ports.join_subnet(tx, resource)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its parts still fit together; clouds get addresses for DHCP where they had none."""
        ranges = schema.changed_pools(resource.desired, item)
        if ranges is not None:
            item.values["allocation_pools"] = pools_of(ranges, resource.desired["ip_version"])
            await self._subnets.reshape(tx, resource, ranges)
        if item.values.get("enable_dhcp") and not resource.desired["enable_dhcp"]:
            await self._subnets.serve_dhcp(tx, resource)

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """No port has an address of it, but for those that gave it to themselves; a router's never does."""
        network_id = resource.desired["network_id"]
        users = await self._ports.using(tx, network_id, resource.id)
        if resource.desired.get("external") and (
            await self._at.floating_ips.of_subnet(tx, resource.id)
            or await self._at.routers.lead_out_of(tx, network_id, resource.id)
        ):
            users = [resource]
        if not all(_is_self_addressed(port, resource) for port in users):
            raise conflict(
                f"Unable to complete operation on subnet {resource.id}: "
                "One or more ports have an IP allocation from this subnet.",
                "SubnetInUse",
            )
        await self._ports.leave_subnet(tx, network_id, resource.id)
        await self._subnets.leave(tx, resource)


def _is_self_addressed(port: Resource, subnet: Resource) -> bool:
    return schema.is_self_addressed(subnet.desired) and port.desired["device_owner"] not in INTERFACES
