"""The API of subnet pools, as far as it is particular: their ranges, and the subnets that are cut from them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.addressing.prefixes import Net, nets, overlap, without
from fractus.model.errors import Forbidden
from fractus.model.resource import Resource
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.api.access import visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.defaults import default_pool
from fractus.services.network.dialect.schema import addresses, values
from fractus.services.network.dialect.schema.attributes import Item, listed
from fractus.services.network.dialect.schema.errors import bad_request, invalid, invalid_input, not_found
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.subnet_pools import schema
from fractus.services.network.subnet_pools.kind import ACTIONS, KIND
from fractus.services.network.subnet_pools.queries import cuts_of
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply


class PoolWrites(Writer):
    """Writes subnet pools, and cuts subnets from them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, local=True)

    async def choose(self, tx: Transaction, call: Call, item: Item) -> Resource | None:
        """The pool that a request for a subnet names, or the default one that it asks for; None: neither. No other
        transaction cuts from it meanwhile.
        """
        id, version = item.values["subnetpool_id"], item.values["ip_version"]
        by_default = item.values["use_default_subnetpool"]
        if id is None and not by_default:
            return None
        if by_default:
            if id is not None:
                raise _bad("subnetpool_id and use_default_subnetpool cannot both be specified")
            id = await default_pool(tx, self.ledger.resources, version)
        found = await self.ledger.resources.fetch(tx, KIND.name, id, to_write=True) if id else None
        # A default one that the caller may not see is none of theirs, and its id stays unknown to them.
        nowhere = _bad(f"No default subnetpool found for IPv{version}")
        pool = visible(call, found, KIND.target, nowhere if by_default else not_found(KIND.name, str(id)))
        if item.set("allocation_pools") and not item.set("cidr"):
            raise _bad("allocation_pools allowed only for specific subnet requests.")
        family = pool.desired["ip_version"]
        if version != family:
            raise _bad(f"Cannot allocate IPv{version} subnet from IPv{family} subnet pool")
        return pool

    async def cut(self, tx: Transaction, pool: Resource, item: Item) -> Net:
        """A network of the pool for a subnet: the one asked for, that of the gateway asked for, or a free one."""
        length = item.values["prefixlen"] if item.set("prefixlen") else pool.desired["default_prefixlen"]
        asked = None
        if item.set("cidr") or (item.set("gateway_ip") and length <= pool.desired["max_prefixlen"]):
            text = item.values["cidr"] if item.set("cidr") else f"{item.values['gateway_ip']}/{length}"
            asked = ipaddress.ip_network(text, strict=False)
            length = asked.prefixlen
        cuts = await cuts_of(tx, self.ledger.resources, pool.id)
        own = [one.net for one in cuts if one.project_id == pool.project_id]
        return addresses.cut(schema.pool_of(pool.desired), [one.net for one in cuts], own, length, asked)


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
        await self._check(tx, call, resource.id, desired, is_default=desired["is_default"])

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Its ranges only grow, and what is cut from it stays in one scope with what is beside that."""
        old, after = resource.desired, {**resource.desired, **item.values}
        after |= schema.complete(after)
        if without(nets(old["prefixes"]), nets(after["prefixes"])):
            raise schema.prefixes_refused("Existing prefixes must be a subset of the new prefixes")
        if "prefixes" in item.values:
            item.values["prefixes"] = after["prefixes"]
        await self._at.scopes.check_owner(tx, call, resource)
        await self._check(tx, call, resource.id, after, is_default=after["is_default"] > old["is_default"])

    async def _check(
        self, tx: Transaction, call: Call, id: str, desired: Mapping[str, Any], *, is_default: bool
    ) -> None:
        if is_default and await default_pool(tx, self._resources, desired["ip_version"]) is not None:
            raise invalid_input(
                "A default subnetpool for this IP family has already been set. "
                "Only one default may exist per IP family"
            )
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
            await self._write(tx, pool, left)
        return Reply(200, {"prefixes": left})

    async def _extend(self, tx: Transaction, call: Call, pool: Resource, more: Sequence[str]) -> None:
        item = Item({"prefixes": [*pool.desired["prefixes"], *more]}, frozenset({"prefixes"}))
        await self.before_update(tx, call, pool, item)
        await self._write(tx, pool, item.values["prefixes"])

    async def _write(self, tx: Transaction, pool: Resource, prefixes: Sequence[str]) -> None:
        schema.BOUND.check(prefixes, "subnet pool")
        await self._writes.update(tx, pool, {"prefixes": prefixes})

    async def onboard_network_subnets(self, call: Call) -> Reply:
        """PUT onboard_network_subnets: subnets that are there become cut from the pool."""
        id = call.body.get("network_id") if isinstance(call.body, dict) else None
        if id is None:
            raise invalid_input("network_id must be specified.")
        async with self.acting(call, "onboard_network_subnets") as (tx, pool):
            found = await self._resources.fetch(tx, "network", str(id))
            network = visible(call, found, neutron.target, not_found("network", str(id)))
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


def _bad(sentence: str) -> Exception:
    return bad_request("subnets", sentence)
