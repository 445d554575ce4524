"""How subnets are written, and the addresses that are given out of them or set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import Range, pools_of, ranges_of
from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.model.resource import Resource
from fractus.services.network.dialect.queries.rows import every
from fractus.services.network.dialect.writes.writer import Writer
from fractus.services.network.subnets.kind import KIND
from fractus.services.network.subnets.schema import NO_DHCP, is_self_addressed
from fractus.store import presences
from fractus.store.ledger import Ledger
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction


async def subnets_of(reader: Reader, resources: Resources, network_id: str) -> Sequence[Resource]:
    """All subnets of a network, oldest first."""
    return await every(reader, resources, "subnet", Filter("network_id", "eq", network_id))


async def set_aside(
    tx: Transaction, addresses: Addresses, subnet: Resource, cloud: str
) -> list[dict[str, str]]:
    """The pools of a subnet in a cloud: a few addresses for its DHCP; none where ports address themselves."""
    desired = subnet.desired
    pools = [] if is_self_addressed(desired) else ranges_of(desired["allocation_pools"])
    return pools_of(await addresses.set_aside(tx, subnet.id, cloud, pools), desired["ip_version"])


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

    async def serve_dhcp(self, tx: Transaction, subnet: Resource) -> dict[str, Any]:
        """DHCP is to be on: clouds that have the subnet without it get addresses for it, as far as there are some.

        What changes by that of what is desired of the subnet.
        """
        reserved, was_on = dict(subnet.desired.get("reserved", {})), subnet.desired["enable_dhcp"]
        for presence in await presences.of_resource(tx, KIND.name, subnet.id):
            cloud, memory = presence.cloud, presence.memory
            is_without = not was_on or cloud in reserved or memory.get(NO_DHCP)
            if presence.wanted and is_without and not memory.get("pools") and not reserved.get(cloud):
                reserved[cloud] = await set_aside(tx, self._addresses, subnet, cloud)
        return {"reserved": reserved} if reserved else {}

    async def remove_of(self, tx: Transaction, network_id: str) -> None:
        """Remove all subnets of a network."""
        for subnet in await subnets_of(tx, self.ledger.resources, network_id):
            await self.remove(tx, subnet)

    async def network_changed(self, tx: Transaction, network: Resource) -> None:
        """The network is shared or external now, or no longer: so are its subnets."""
        for subnet in await subnets_of(tx, self.ledger.resources, network.id):
            subnet.desired.update(of_network(network))
            await self.touch(tx, subnet)


def of_network(network: Resource) -> dict[str, Any]:
    """Whose network its subnets are on, with whom they are shared, and whether they are external."""
    shared = {name: network.desired[name] for name in ("shared", SHARED_WITH) if name in network.desired}
    outside = network.desired["router:external"]
    shared[EXTERNAL_TO] = network.desired.get(EXTERNAL_TO)
    return {**shared, "external": outside, "network_project_id": network.project_id}


def _scoped(network: Resource, version: int, scope: str | None) -> dict[str, Any]:
    """What changes of a network whose subnets of a family are in another scope."""
    return {"address_scopes": {**network.desired.get("address_scopes", {}), str(version): scope}}
