"""Which subnets are on a network, and what a cloud gets of one."""

from __future__ import annotations

from collections.abc import Sequence

from fractus.addressing.addresses import Addresses
from fractus.addressing.ranges import pools_of, ranges_of
from fractus.model.resource import Resource
from fractus.services.network.dialect.queries.rows import every
from fractus.services.network.subnets.schema import is_self_addressed
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
