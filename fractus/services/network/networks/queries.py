"""Which networks somebody may see or use."""

from __future__ import annotations

from fractus.model.resource import Resource
from fractus.services.network.networks.table import NETWORK
from fractus.store.listing import Filter, Filters, Sort, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader


def network_scope(project_id: str) -> Filters:
    """What a project sees: its own networks, and those shared with all."""
    return [
        [
            Filter("project_id", "eq", project_id),
            Filter("shared", "eq", True),
            Filter("external", "eq", True),
        ]
    ]


async def network_usable(reader: Reader, resources: Resources, project_id: str) -> list[Resource]:
    """Networks for a server that names none: the project's own, then shared ones (Nova's order)."""
    conditions: list[Filters] = [
        [Filter("project_id", "eq", project_id), Filter("shared", "eq", False)],
        [Filter("shared", "eq", True)],
    ]
    found = []
    for own in conditions:
        alive = [Filter("deleted_at", "null"), *own]
        for (id,) in await page(reader, NETWORK, alive, columns=("id",), sorts=[Sort("created_at")]):
            network = await resources.fetch(reader, "network", id)
            if network is not None:
                found.append(network)
    return found
