"""The API of subnet pools, as far as it is particular: their ranges, and the subnets that are cut from them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.addressing.prefixes import Net, PrefixPool, nets, overlap, without
from fractus.model.errors import ApiError, Forbidden
from fractus.model.resource import Resource
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.access import fetch_visible, visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.defaults import default_of
from fractus.services.network.dialect.queries.rows import rows
from fractus.services.network.dialect.schema import addresses, values
from fractus.services.network.dialect.schema.attributes import Item, listed
from fractus.services.network.dialect.schema.errors import bad_request, invalid, invalid_input, not_found
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.subnet_pools import schema
from fractus.services.network.subnet_pools.kind import ACTIONS, KIND
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction
from fractus.web.routing import Call, Reply


class Cut(msgspec.Struct, frozen=True):
    """A subnet of a pool."""

    id: str
    project_id: str
    network_id: str
    net: Net


async def cuts_of(reader: Reader, resources: Resources, pool_id: str) -> list[Cut]:
    """The subnets of a pool."""
    columns = ("id", "project_id", "network_id", "cidr")
    found = await rows(reader, resources, "subnet", Filter("subnetpool_id", "eq", pool_id), columns=columns)
    return [Cut(row[0], row[1], row[2], ipaddress.ip_network(row[3])) for row in found]


class PoolWrites(Writer):
    """Writes subnet pools, and cuts subnets from them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, local=True)

    async def choose(self, tx: Transaction, call: Call, item: Item) -> Resource | None:
        """The pool that a request for a subnet names, or the default one that it asks for; None: neither. No other
        transaction cuts from it meanwhile.
        """
        id, version = item.values["subnetpool_id"], item.values["ip_version"]
        missing: ApiError = not_found(KIND.name, str(id))
        if item.values["use_default_subnetpool"]:
            if id is not None:
                raise bad_request(
                    "subnets", "subnetpool_id and use_default_subnetpool cannot both be specified"
                )
            id = await default_of(tx, KIND.table, ip_version=version) or ""
            # One that the caller may not see is none of theirs, and its id stays unknown to them.
            missing = bad_request("subnets", f"No default subnetpool found for IPv{version}")
        if id is None:
            return None
        found = await self.ledger.resources.fetch(tx, KIND.name, id, to_write=True)
        pool = visible(call, found, KIND.target, missing)
        if item.set("allocation_pools") and not item.set("cidr"):
            raise bad_request("subnets", "allocation_pools allowed only for specific subnet requests.")
        family = pool.desired["ip_version"]
        if version != family:
            raise bad_request("subnets", f"Cannot allocate IPv{version} subnet from IPv{family} subnet pool")
        return pool

    async def cut(self, tx: Transaction, pool: Resource, item: Item) -> Net:
        """A network of the pool for a subnet: the one asked for, that of the gateway asked for, or a free one."""
        gives = PrefixPool(
            prefixes=pool.desired["prefixes"],
            min=pool.desired["min_prefixlen"],
            max=pool.desired["max_prefixlen"],
            quota=pool.desired["default_quota"],
        )
        length = item.values["prefixlen"] if item.set("prefixlen") else pool.desired["default_prefixlen"]
        asked = None
        if item.set("cidr") or (item.set("gateway_ip") and length <= gives.max):
            text = item.values["cidr"] if item.set("cidr") else f"{item.values['gateway_ip']}/{length}"
            asked = ipaddress.ip_network(text, strict=False)
            length = asked.prefixlen
        cuts = await cuts_of(tx, self.ledger.resources, pool.id)
        own = [one.net for one in cuts if one.project_id == pool.project_id]
        return addresses.cut(gives, [one.net for one in cuts], own, length, asked)


class SubnetPoolApi(CollectionApi):
    """Handlers of subnet pools."""

    kind = KIND
    core = False
    bulk = False
    actions = ACTIONS

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its ranges are of one family, and nobody else's in its scope."""
        desired = resource.desired
        desired |= {"default_quota": None} | desired | schema.complete(desired)
        if desired["is_default"]:
            await self.check_default(tx, resource)
        await self._check_scope(tx, call, resource.id, desired)

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its ranges only grow, and what is cut from it stays in one scope with what is beside that."""
        old, after = resource.desired, {**resource.desired, **item.values}
        after |= schema.complete(after)
        if without(nets(old["prefixes"]), nets(after["prefixes"])):
            raise schema.prefixes_refused("Existing prefixes must be a subset of the new prefixes")
        if "prefixes" in item.values:
            item.values["prefixes"] = after["prefixes"]
        await self._at.scopes.check_owner(tx, call, resource)
        if after["is_default"] > old["is_default"]:
            await self.check_default(tx, resource)
        await self._check_scope(tx, call, resource.id, after)

    async def _check_scope(self, tx: Transaction, call: Call, id: str, desired: Mapping[str, Any]) -> None:
        if desired["address_scope_id"]:
            cuts = await cuts_of(tx, self._resources, id)
            await self._at.scopes.check_pool(tx, call, id, desired, {one.id: one.network_id for one in cuts})

    async def after_update(self, tx: Transaction, resource: Resource, before: Mapping[str, Any]) -> None:
        """The networks of its subnets show its scope."""
        scope = resource.desired["address_scope_id"]
        if scope != before["address_scope_id"]:
            for id in {one.network_id for one in await cuts_of(tx, self._resources, resource.id)}:
                await self._at.subnets.network_scoped(tx, id, resource.desired["ip_version"], scope)

    def changed(self, call: Call, resource: Resource) -> bytes:
        """Neutron answers a PUT with lengths that are numbers."""
        numbers = {name: resource.desired[name] for name in schema.LENGTHS}
        return msgspec.json.encode({**msgspec.json.decode(resource.summary), **numbers})

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """Nothing is cut from it."""
        if await cuts_of(tx, self._resources, resource.id):
            raise invalid(
                "Unable to delete subnet pool: Subnet pool has existing allocations.", "SubnetPoolDeleteError"
            )

    async def add_prefixes(self, call: Call) -> Reply:
        """PUT add_prefixes."""
        more = listed(call.body, "prefixes", KIND.noun, values.subnet)
        async with self.acting(call, "add_prefixes") as (tx, pool):
            await self._extend(tx, call, pool, more)
        return Reply(200, {"prefixes": pool.desired["prefixes"]})

    async def remove_prefixes(self, call: Call) -> Reply:
        """PUT remove_prefixes: those that are in use stay."""
        less = nets(listed(call.body, "prefixes", KIND.noun, values.subnet))
        async with self.acting(call, "remove_prefixes") as (tx, pool):
            if overlap([one.net for one in await cuts_of(tx, self._resources, pool.id)], less):
                raise schema.prefixes_refused("One or more the prefixes to be removed is in use by a subnet.")
            left = [str(one) for one in without(nets(pool.desired["prefixes"]), less)]
            schema.BOUND.check(left, KIND.noun)
            await self._writes.update(tx, pool, {"prefixes": left})
        return Reply(200, {"prefixes": left})

    async def _extend(self, tx: Transaction, call: Call, pool: Resource, more: Sequence[str]) -> None:
        item = Item({"prefixes": [*pool.desired["prefixes"], *more]}, frozenset({"prefixes"}))
        await self.before_update(tx, call, pool, item)
        await self._writes.update(tx, pool, {"prefixes": item.values["prefixes"]})

    async def onboard_network_subnets(self, call: Call) -> Reply:
        """PUT onboard_network_subnets: subnets that are there become cut from the pool."""
        id = call.body.get("network_id") if isinstance(call.body, dict) else None
        if id is None:
            raise invalid_input("network_id must be specified.")
        async with self.acting(call, "onboard_network_subnets") as (tx, pool):
            network = await fetch_visible(tx, self._resources, call, "network", str(id), neutron.target)
            if not call.principal.is_admin and network.project_id != call.principal.project_id:
                raise Forbidden("Not authorized.", type="NotAuthorized")
            subnets = await self._at.subnets.of_version(tx, network.id, pool.desired["ip_version"])
            cuts = [one.net for one in await cuts_of(tx, self._resources, pool.id)]
            for one in subnets:
                if overlap(cuts, nets([one.desired["cidr"]])):
                    raise invalid(
                        f"Illegal subnetpool update : Onboarding subnet {one.id}: {one.desired['cidr']} conflicts "
                        f"with allocated prefixes in subnet pool {pool.id}.",
                        "IllegalSubnetPoolUpdate",
                    )
            await self._extend(tx, call, pool, [one.desired["cidr"] for one in subnets])
            await self._at.subnets.pooled(tx, subnets, pool)
        return Reply(200, [{"id": one.id, "cidr": one.desired["cidr"]} for one in subnets])
