"""Which subnets somebody may see, and which are on a network."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.network.dialect.table import named
from fractus.services.network.subnets.table import SUBNET
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


def subnet_scope(project_id: str) -> Filters:
    """What a project sees: its own subnets, those of its networks, and those of shared networks."""
    return [
        [
            Filter("project_id", "eq", project_id),
            Filter("network_project_id", "eq", project_id),
            Filter("shared", "eq", True),
            named(project_id),
        ]
    ]


async def subnets_of(reader: Reader, resources: Resources, network_id: str) -> list[Resource]:
    """All subnets of a network, oldest first."""
    alive = [Filter("network_id", "eq", network_id), Filter("deleted_at", "null")]
    rows = await page(reader, SUBNET, alive, columns=("id",), sorts=[Sort("created_at")])
    found = [await resources.fetch(reader, "subnet", row[0]) for row in rows]
    return [subnet for subnet in found if subnet is not None]
