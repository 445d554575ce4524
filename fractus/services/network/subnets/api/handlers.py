"""The routes of subnets."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from fractus.base.ids import new_id
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import (
    authorise,
    refuse_body,
    refuse_constraint,
    seen,
)
from fractus.services.network.dialect.api.lists import Lists
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.api.replies import collection_routes, created
from fractus.services.network.dialect.api.tags import Tags
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read
from fractus.services.network.dialect.schema.errors import conflict, invalid_input, not_carried, not_found
from fractus.services.network.dialect.schema.mtu import check_mtu
from fractus.services.network.subnets import schema
from fractus.services.network.subnets.api.writes import SubnetWrites
from fractus.services.network.subnets.queries import subnet_scope, subnets_of
from fractus.services.network.subnets.schema import ATTRIBUTES
from fractus.services.network.subnets.table import SUBNET
from fractus.services.network.subnets.view import target
from fractus.store.listing import Filter, Filters
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply, Route


def _missing(id: str) -> Any:
    return not_found("subnet", id)


def _network_target(network: Resource) -> dict[str, Any]:
    return {
        "project_id": network.project_id,
        "tenant_id": network.project_id,
        "shared": network.desired["shared"],
        "shared_with": network.desired.get("shared_with"),
        "network:project_id": network.project_id,
    }


def _external(given: list[str]) -> Filters:
    """Whether their networks are external: those with subnets here are none."""
    asked = {values.to_boolean(text) for text in given}
    return [] if False in asked else [Filter("id", "eq", "")]


LISTS = Lists(
    collection="subnets",
    table=SUBNET,
    attributes=ATTRIBUTES,
    scope=lambda principal: subnet_scope(principal.project_id),
    missing=_missing,
    special={"router:external": _external},
)


class SubnetApi:
    """Handlers of subnets."""

    def __init__(self, at: NetworkNeighbours) -> None:
        self._store = at.store
        self._writes = at.own(SubnetWrites)
        self._resources = at.ledger.resources
        self._pools = at.pools
        self._ports = at.ports
        self._tags = Tags("subnet", "subnets", at.store, self._permitted, self._writes.touch)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            *collection_routes(self, "subnet", "subnets", ATTRIBUTES, update=self.update),
            *self._tags.routes(),
        ]

    async def _permitted(self, reader: Reader, call: Call, id: str, rule: str) -> Resource:
        found = await self._resources.fetch(reader, "subnet", id)
        subnet = seen(call, found, target, _missing(id))
        call.enforce(rule, target(subnet))
        return subnet

    async def index(self, call: Call) -> Reply:
        """GET subnets."""
        return await lists.reply(self._store, call, LISTS)

    async def show(self, call: Call) -> Reply:
        """GET a subnet."""
        subnet = await self._permitted(self._store, call, call.params["id"], "get_subnet")
        return lists.one("subnet", subnet.summary, call.query)

    async def create(self, call: Call) -> Reply:
        """POST subnets, one or several: all of them or none."""
        request = read("subnet", ATTRIBUTES, call.body, call.principal, create=True)
        async with self._store.transaction() as tx:
            made = [await self._create(tx, call, item) for item in request.items]
        return created("subnet", made, bulk=request.bulk)

    async def _create(self, tx: Transaction, call: Call, item: Item) -> Resource:
        given = item.values
        network = await self._network(tx, call, given["network_id"])
        authorise(call, "create_subnet", ATTRIBUTES, item, _network_target(network), create=True)
        schema.check_whole(item)
        pool = await self._pools.choose(tx, call, item)
        net = schema.cidr_of(item) if pool is None else await self._pools.cut(tx, pool, item)
        schema.check_new(item, net)
        check_mtu(network.id, network.desired["mtu"], given["ip_version"])
        gateway = given["gateway_ip"]
        if gateway is UNSET:
            gateway = schema.default_gateway(net)
            schema.check_default_gateway(gateway, net)
        if given["allocation_pools"] is not UNSET and given["allocation_pools"]:
            pools = schema.pools_of(given["allocation_pools"], net, gateway)
        else:
            pools = schema.made_pools(net, gateway)
        others = await subnets_of(tx, self._resources, network.id)
        schema.check_overlap(net, [one.desired["cidr"] for one in others], network.id)
        scope = network.desired.get("address_scopes", {}).get(str(net.version))
        schema.check_pools([one.desired for one in others], net.version, pool, scope)
        subnet = self._resource(call, item, network)
        subnet.desired.update(
            cidr=str(net), gateway_ip=gateway, allocation_pools=schema.as_pools(pools, net.version)
        )
        made = await self._writes.add(tx, subnet, network, pool)
        if schema.is_auto(subnet.desired):
            await self._ports.join_subnet(tx, made)
        return made

    async def _network(self, tx: Transaction, call: Call, id: str) -> Resource:
        found = await self._resources.fetch(tx, "network", id)
        missing = not_found("network", id)
        if found is None or found.deleted_at is not None:
            raise missing
        if not call.allows("get_network", _network_target(found)):
            raise missing
        return found

    def _resource(self, call: Call, item: Item, network: Resource) -> Resource:
        """It belongs to its network's project: in a cloud nobody else could put it there."""
        given = item.values
        if "project_id" in item.given and given["project_id"] != network.project_id:
            raise not_carried("project_id", "a subnet belongs to the project of its network there")
        desired = {name: given[name] for name in ("name", "description", "tags", "ip_version", "enable_dhcp")}
        for name in ("ipv6_ra_mode", "ipv6_address_mode"):
            desired[name] = given[name] if item.set(name) else None
        for name in ("dns_nameservers", "host_routes"):
            desired[name] = given[name] if item.set(name) else []
        desired.update(
            network_id=network.id, shared=network.desired["shared"], network_project_id=network.project_id
        )
        if SHARED_WITH in network.desired:
            desired[SHARED_WITH] = network.desired[SHARED_WITH]
        return Resource(
            kind="subnet",
            id=new_id(),
            project_id=network.project_id,
            user_id=call.principal.user_id,
            name=given["name"],
            desired=desired,
            request_id=call.request_id,
        )

    async def update(self, call: Call) -> Reply:
        """PUT a subnet."""
        refuse_constraint(call)
        item = read(
            "subnet", ATTRIBUTES, call.body, call.principal, create=False, id=call.params["id"]
        ).items[0]
        async with self._store.transaction() as tx:
            id = call.params["id"]
            subnet = seen(call, await self._resources.fetch(tx, "subnet", id), target, _missing(id))
            authorise(call, "update_subnet", ATTRIBUTES, item, target(subnet), create=False)
            pools = self._changed_pools(subnet, item)
            if pools is not None:
                item.values["allocation_pools"] = pools
                await self._writes.reshape(tx, subnet, pools)
            if item.values.get("enable_dhcp") and not subnet.desired["enable_dhcp"]:
                await self._writes.reserve_for_all(tx, subnet)
            await self._writes.update(tx, subnet, item.values)
        return lists.one("subnet", subnet.summary, call.query)

    @staticmethod
    def _changed_pools(subnet: Resource, item: Item) -> list[dict[str, str]] | None:
        """Judge a change; the new pools, or None where they stay."""
        desired, version = subnet.desired, subnet.desired["ip_version"]
        net = schema.network(desired["cidr"])
        if item.values.get("enable_dhcp") and not desired["enable_dhcp"]:
            schema.check_dhcp(net)
        schema.check_gateway(item, version, net)
        schema.check_services(item, version)
        modes = desired["ipv6_ra_mode"] or desired["ipv6_address_mode"]
        if modes and item.values.get("enable_dhcp") is False:
            raise invalid_input("Cannot disable enable_dhcp with ipv6 attributes set")
        gateway = item.values.get("gateway_ip", desired["gateway_ip"])
        asked = item.values.get("allocation_pools")
        if asked is None:
            item.values.pop("allocation_pools", None)
            if gateway != desired["gateway_ip"]:
                schema.check_gateway_outside(schema.as_ranges(desired["allocation_pools"]), gateway, version)
            return None
        return schema.as_pools(schema.pools_of(asked, net, gateway), version)

    async def delete(self, call: Call) -> Reply:
        """DELETE a subnet, unless ports have addresses of it that they did not give themselves."""
        refuse_constraint(call)
        async with self._store.transaction() as tx:
            subnet = await self._permitted(tx, call, call.params["id"], "delete_subnet")
            refuse_body(call)
            network_id = subnet.desired["network_id"]
            users = await self._ports.using(tx, network_id, subnet.id)
            if users and not schema.is_auto(subnet.desired):
                raise conflict(
                    f"Unable to complete operation on subnet {subnet.id}: "
                    "One or more ports have an IP allocation from this subnet.",
                    "SubnetInUse",
                )
            await self._ports.leave_subnet(tx, network_id, subnet.id)
            await self._writes.leave(tx, subnet)
        return Reply(204)
