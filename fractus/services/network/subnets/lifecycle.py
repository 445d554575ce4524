"""Subnets as the machine sees them: each cloud gets a few addresses of its own, all others are given out by us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.addressing.addresses import Addresses, cloud_holder
from fractus.model.network import SUBNET, SubnetObserved, SubnetWanted
from fractus.model.resource import Presence, Resource
from fractus.reconcile.kind import Item
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.subnets.kind import KIND
from fractus.services.network.subnets.schema import NO_DHCP, is_self_addressed
from fractus.services.network.subnets.writes import set_aside
from fractus.store.transaction import Transaction


class SubnetLifecycle(CrudLifecycle[SubnetWanted, SubnetObserved]):
    """The kind `subnet`."""

    def __init__(self, addresses: Addresses) -> None:
        super().__init__(SUBNET, KIND.summarise)
        self._addresses = addresses

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Set aside what the cloud needs for its DHCP ports, so that it never takes an address of ours. A subnet that
        is full, or too small for both, has no DHCP there.
        """
        if not resource.desired["enable_dhcp"]:
            return {"pools": []}
        pools = await set_aside(tx, self._addresses, resource, cloud)
        is_without = not pools and not is_self_addressed(resource.desired)
        return {"pools": pools, NO_DHCP: True} if is_without else {"pools": pools}

    def fields(self, item: Item) -> dict[str, Any]:
        """With this cloud's share as its pools."""
        desired, memory = item.resource.desired, item.presence.memory
        late = desired.get("reserved", {}).get(item.presence.cloud)
        pools = [*memory.get("pools", []), *(late or [])]
        found = {**super().fields(item), "pools": pools}
        # Without a share a cloud would give its DHCP port any address, also one that is given out here.
        if not pools and (late is not None or memory.get(NO_DHCP)) and not is_self_addressed(desired):
            found["enable_dhcp"] = False
        return found

    def notes(self, item: Item) -> dict[str, Any]:
        """The addresses that are given out here."""
        return {"pools": item.resource.desired["allocation_pools"]}

    def beside(
        self, wanted: SubnetWanted, observed: SubnetObserved, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """DHCP comes with the addresses for it: the cloud may not have had any before."""
        return {"allocation_pools": wanted.pools} if body.get("enable_dhcp") and wanted.pools else {}

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """The cloud's share is free again."""
        await self._addresses.release(tx, cloud_holder(presence.cloud), subnet_id=resource.id)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Nothing is held of it any more."""
        await self._addresses.close(tx, resource.id)
