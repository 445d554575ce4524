"""The API of address scopes, as far as it is particular: what is shared stays shared, and what is in use stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.addressing.prefixes import nets, overlap
from fractus.model.resource import Resource
from fractus.services.network.address_scopes.kind import KIND
from fractus.services.network.dialect.api.access import fetch_visible
from fractus.services.network.dialect.api.collection import CollectionApi
from fractus.services.network.dialect.queries.rows import every, ids, is_some
from fractus.services.network.dialect.schema.attributes import Item
from fractus.services.network.dialect.schema.errors import apart, conflict, invalid
from fractus.services.network.dialect.writes.writer import Writer
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter, one_of
from fractus.store.transaction import Transaction
from fractus.web.routing import Call


class ScopeWrites(Writer):
    """Writes address scopes, and knows which pools may be in them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, KIND.name, KIND.summarise, local=True)

    async def check_owner(self, tx: Transaction, call: Call, pool: Resource) -> None:
        """`Invalid` where a pool may not be changed, for it is in another project's scope."""
        id = pool.desired["address_scope_id"]
        scope = await self.ledger.resources.fetch(tx, KIND.name, id) if id else None
        if (
            scope is not None
            and scope.project_id != call.principal.project_id
            and not call.principal.is_admin
        ):
            raise invalid(
                f"Illegal subnetpool update : subnetpool {pool.id} cannot be updated when associated with shared "
                f"address scope {id}.",
                "IllegalSubnetPoolUpdate",
            )

    async def check_pool(
        self, tx: Transaction, call: Call, pool_id: str, desired: Mapping[str, Any], cuts: Mapping[str, str]
    ) -> None:
        """Refuse a pool in a scope where it may not be. `cuts`: its subnets -> their networks."""
        id, version, resources = desired["address_scope_id"], desired["ip_version"], self.ledger.resources
        scope = await fetch_visible(tx, resources, call, KIND.name, id, KIND.target, to_write=True)
        family = scope.desired["ip_version"]
        if version != family:
            raise invalid(
                f"Illegal subnetpool association: subnetpool {pool_id} cannot associate with address scope {id} "
                f"because subnetpool ip_version is not {family}.",
                "IllegalSubnetPoolIpVersionAssociationToAddressScope",
            )
        beside = (one_of("network_id", cuts.values()), Filter("ip_version", "eq", version))
        if set(await ids(tx, resources, "subnet", *beside)) - cuts.keys():
            raise apart()
        own = nets(desired["prefixes"])
        others = (Filter("address_scope_id", "eq", id), Filter("id", "ne", pool_id))
        for pool in await every(tx, resources, "subnetpool", *others):
            if overlap(own, nets(pool.desired["prefixes"])):
                raise conflict(
                    "Failed to associate address scope: subnetpools within an address scope must have unique "
                    "prefixes.",
                    "AddressScopePrefixConflict",
                )


class AddressScopeApi(CollectionApi):
    """Handlers of address scopes."""

    kind = KIND
    core = False

    async def before_update(self, tx: Transaction, call: Call, resource: Resource, item: Item) -> None:
        """Others may use one that is shared, so it stays so."""
        if resource.desired["shared"] and not item.values.get("shared", True):
            raise invalid(
                f"Unable to update address scope {resource.id} : Shared address scope can't be unshared.",
                "AddressScopeUpdateError",
            )

    async def before_delete(self, tx: Transaction, call: Call, resource: Resource) -> None:
        """No pool is in it."""
        if await is_some(tx, self._resources, "subnetpool", Filter("address_scope_id", "eq", resource.id)):
            raise conflict(
                f"Unable to complete operation on address scope {resource.id}. "
                "There are one or more subnet pools in use on the address scope.",
                "AddressScopeInUse",
            )
