"""Which pools there are, and what is cut from them."""

from __future__ import annotations

import ipaddress

from msgspec import Struct

from fractus.addressing.prefixes import Net
from fractus.services.network.dialect.queries.rows import rows
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


class Cut(Struct, frozen=True):
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
