"""The API of address groups, as far as it is particular: addresses are added and removed, and never replaced."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.model.errors import NotFound
from fractus.model.resource import Resource
from fractus.services.network.address_groups import schema
from fractus.services.network.address_groups.kind import KIND
from fractus.services.network.dialect.api import lists
from fractus.services.network.dialect.api.access import shown_to
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.api.neighbours import NetworkNeighbours
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import conflict, invalid
from fractus.store.transaction import Transaction
from fractus.web.routing import Call, Reply


class AddressGroupApi(CollectionApi):
    """Handlers of address groups."""

    kind = KIND
    core = False
    actions = {
        "add_addresses": "Add addresses to an address group.",
        "remove_addresses": "Remove addresses from an address group.",
    }

    def __init__(self, at: NetworkNeighbours) -> None:
        super().__init__(at)
        self._groups = at.groups

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """No rule names it."""
        if await self._groups.naming(tx, resource.id):
            raise conflict(
                f"Address group {resource.id} is in use on one or more security group rules.",
                "AddressGroupInUse",
            )

    async def before_create(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Each address counts as a change of a new group, as in Neutron."""
        addresses = sorted(schema.canonical(resource.desired["addresses"]))
        resource.desired |= {"addresses": addresses, "touched": len(addresses)}

    async def add_addresses(self, call: Call) -> Reply:
        """PUT add_addresses: none of them is there."""
        async with self.acting(call, "add_addresses") as (tx, group):
            more, there = schema.addresses_of(call.body), group.desired["addresses"]
            double = [one for one in more if one in there]
            if double:
                raise invalid(
                    f"Addresses {double} already exist in the address group {group.id}.",
                    "AddressesAlreadyExist",
                )
            schema.BOUND.check([*there, *more], "address group")
            await self._write(tx, group, [*there, *more])
        return self._answer(call, group)

    async def remove_addresses(self, call: Call) -> Reply:
        """PUT remove_addresses: all of them are there."""
        async with self.acting(call, "remove_addresses") as (tx, group):
            less, there = schema.addresses_of(call.body), group.desired["addresses"]
            unknown = [one for one in less if one not in there]
            if unknown:
                raise NotFound(
                    f"Addresses {unknown} not found in the address group {group.id}.",
                    kind=KIND.name,
                    type="AddressesNotFound",
                )
            await self._write(tx, group, [one for one in there if one not in less])
        return self._answer(call, group)

    async def _write(self, tx: Transaction, group: Resource, addresses: Sequence[str]) -> None:
        """Neutron shows them in the order of their characters, and counts each as a change."""
        changes = abs(len(addresses) - len(group.desired["addresses"]))
        if changes:
            group.desired["touched"] += changes - 1
            await self._writes.update(tx, group, {"addresses": sorted(addresses)})
            await self._groups.addresses_changed(tx, group)

    def _answer(self, call: Call, group: Resource) -> Reply:
        return lists.one(KIND.name, shown_to(call, group), call.query)
