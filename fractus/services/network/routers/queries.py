"""What a router is connected to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.resource import Presence, Resource
from fractus.store import presences
from fractus.store.listing import Filter, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

_ALL = 1 << 31


async def pools(
    reader: Reader, resources: Resources, network_id: str, cloud: str
) -> dict[str, Mapping[str, Any]]:
    """The subnets that an external network has in a cloud: the cloud's id -> our `id`, and the `cidr`."""
    network = await resources.fetch(reader, "network", network_id)
    found: dict[str, Mapping[str, Any]] = {}
    for id in network.desired["subnets"] if network is not None else ():
        there = await presences.fetch(reader, "subnet", id, cloud)
        subnet = await resources.fetch(reader, "subnet", id) if _is_there(there) else None
        if subnet is not None and there is not None and there.remote_id is not None:
            found[there.remote_id] = {"id": id, "cidr": subnet.desired["cidr"]}
    return found


async def connected(reader: Reader, resources: Resources, router_id: str, cloud: str) -> list[str]:
    """The CIDRs of the subnets that a router has interfaces on in a cloud."""
    found = set()
    for interface in await interfaces_of(reader, resources, router_id):
        if _is_there(await presences.fetch(reader, "router_interface", interface.id, cloud)):
            for id in interface.desired["subnets"]:
                subnet = await resources.fetch(reader, "subnet", id)
                found |= set() if subnet is None else {str(subnet.desired["cidr"])}
    return sorted(found)


def _is_there(presence: Presence | None) -> bool:
    return presence is not None and presence.wanted and presence.remote_id is not None


async def interfaces_of(reader: Reader, resources: Resources, router_id: str) -> list[Resource]:
    """The interfaces of a router, oldest first."""
    alive = [Filter("router_id", "eq", router_id), Filter("deleted_at", "null")]
    table = resources.tables["router_interface"]
    rows = await page(reader, table, alive, columns=("id",), limit=_ALL)
    found = [await resources.fetch(reader, "router_interface", id) for (id,) in rows]
    return sorted((one for one in found if one is not None), key=lambda one: (one.created_at, one.id))
