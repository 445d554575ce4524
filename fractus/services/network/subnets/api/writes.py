"""How subnets are written, by their own handlers and by networks that change."""

from __future__ import annotations

from fractus.addressing.addresses import Addresses
from fractus.model.network import SHARED_WITH
from fractus.model.resource import Need, Resource
from fractus.services.network.dialect.api.writing import Writer
from fractus.services.network.subnets.queries import subnets_of
from fractus.services.network.subnets.schema import as_pools, as_ranges, cloud_holder, share
from fractus.services.network.subnets.view import summarise
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.transaction import Transaction


class SubnetWrites(Writer):
    """Writes subnets and the addresses that are dealt out of them."""

    def __init__(self, ledger: Ledger, addresses: Addresses) -> None:
        super().__init__(ledger, "subnet", summarise)
        self._addresses = addresses

    async def add(self, tx: Transaction, subnet: Resource) -> Resource:
        """A new subnet, all its pools free."""
        desired = subnet.desired
        await self._addresses.open(
            tx, subnet.id, as_ranges(desired["allocation_pools"]), desired["ip_version"]
        )
        return await self.create(tx, subnet, [Need("network", desired["network_id"])])

    async def reshape(self, tx: Transaction, subnet: Resource, pools: list[dict[str, str]]) -> None:
        """Other pools: what is held stays held."""
        await self._addresses.reshape(tx, subnet.id, as_ranges(pools), subnet.desired["ip_version"])

    async def reserve_for_all(self, tx: Transaction, subnet: Resource) -> None:
        """DHCP was switched on: clouds where the subnet is already, and that have no addresses yet, get theirs."""
        reserved = dict(subnet.desired.get("reserved", {}))
        for presence in await presences.of_resource(tx, "subnet", subnet.id):
            if presence.wanted and not presence.memory.get("pools") and not reserved.get(presence.cloud):
                taken = await self._addresses.take_last(
                    tx, subnet.id, share(subnet.desired), cloud_holder(presence.cloud)
                )
                reserved[presence.cloud] = as_pools(taken, subnet.desired["ip_version"])
        subnet.desired["reserved"] = reserved

    async def remove_of(self, tx: Transaction, network_id: str) -> None:
        """Remove all subnets of a network."""
        for subnet in await subnets_of(tx, self.ledger.resources, network_id):
            await self.remove(tx, subnet)

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """The network is shared now, or no longer: so are its subnets."""
        for subnet in await subnets_of(tx, self.ledger.resources, network.id):
            subnet.desired["shared"] = network.desired["shared"]
            if SHARED_WITH in network.desired:
                subnet.desired[SHARED_WITH] = network.desired[SHARED_WITH]
            await self.touch(tx, subnet)
