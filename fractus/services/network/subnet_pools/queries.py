"""Which pools there are, and what is cut from them."""

from __future__ import annotations

import ipaddress

from msgspec import Struct

from fractus.addressing.prefixes import Net
from fractus.store.listing import Filter, Filters, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_ALIVE = Filter("deleted_at", "null")


class Cut(Struct, frozen=True):
    """A subnet of a pool."""

    id: str
    project_id: str
    network_id: str
    net: Net


async def cuts_of(reader: Reader, resources: Resources, pool_id: str) -> list[Cut]:
    """The subnets of a pool."""
    columns = ("id", "project_id", "network_id", "cidr")
    conditions: Filters = [Filter("subnetpool_id", "eq", pool_id), _ALIVE]
    rows = await page(reader, resources.tables["subnet"], conditions, columns=columns, limit=1 << 31)
    return [Cut(row[0], row[1], row[2], ipaddress.ip_network(row[3])) for row in rows]


async def default_pool(reader: Reader, resources: Resources, version: int) -> str | None:
    """The id of the pool that requests for a family get which name none."""
    conditions: Filters = [Filter("is_default", "eq", True), Filter("ip_version", "eq", version), _ALIVE]
    rows = await page(reader, resources.tables["subnetpool"], conditions, columns=("id",), limit=1)
    return str(rows[0][0]) if rows else None
