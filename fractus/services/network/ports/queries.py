"""Which ports are on a network, a subnet, a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fractus.model.resource import Resource
from fractus.model.routers import FLOATING_IP_PORT, GATEWAY
from fractus.services.network.dialect.queries.rows import every
from fractus.services.network.dialect.table import named
from fractus.services.network.ports.kind import KIND
from fractus.store.listing import Filter, Filters, Sort, one_of, page
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Row

PORT = KIND.table


async def ports_of_device(
    reader: Reader, resources: Resources, device_id: str, owners: Sequence[str] = ()
) -> list[Resource]:
    """The ports that have something as their device, oldest first; `owners`: only those of these device owners."""
    conditions = [Filter("device_id", "eq", device_id)]
    if owners:
        conditions.append(Filter("device_owner", "in", owners))
    return await every(reader, resources, "port", *conditions)


async def devices_of(reader: Reader, port_ids: Iterable[str]) -> list[str]:
    """The devices that have these ports."""
    some = one_of("id", port_ids)
    rows = await page(reader, PORT, [some], columns=("device_id",), sorts=[Sort("id")], limit=1 << 31)
    return [device for device in dict.fromkeys(row[0] for row in rows) if device]


async def ports_outside(reader: Reader, holders: Iterable[str]) -> list[str]:
    """Ids of the ports that stand for what holds addresses outside: gateways (`router/ID`), floating IPs."""
    of = [id for kind, _, id in (one.partition("/") for one in holders) if kind in ("router", "floatingip")]
    if not of:
        return []
    its = [one_of("device_id", of), Filter("device_owner", "in", (GATEWAY, FLOATING_IP_PORT))]
    return [row[0] for row in await page(reader, PORT, its, columns=("id",), limit=1 << 31)]


async def ports_of_network(
    reader: Reader, resources: Resources, network_id: str, *, owners: Sequence[str] = ()
) -> list[Resource]:
    """The ports on a network; `owners`: only those of these device owners."""
    conditions = [Filter("network_id", "eq", network_id)]
    if owners:
        conditions.append(Filter("device_owner", "in", owners))
    return await every(reader, resources, "port", *conditions)


async def ports_but(reader: Reader, network_id: str, owners: Sequence[str]) -> list[str]:
    """Ids of the ports on a network that have other device owners than these; not more than a sentence may name."""
    others = [
        Filter("network_id", "eq", network_id),
        Filter("deleted_at", "null"),
        Filter("device_owner", "notin", owners),
    ]
    return [row[0] for row in await page(reader, PORT, others, columns=("id",), limit=1000)]


async def ports_on_subnet(
    reader: Reader, resources: Resources, network_id: str, subnet_id: str
) -> list[Resource]:
    """The ports that have an address of a subnet."""
    conditions = [
        Filter("network_id", "eq", network_id),
        Filter("fixed_ips", "like", f"%|subnet_id={subnet_id}|%"),
    ]
    return await every(reader, resources, "port", *conditions)


async def subnets_of_network(reader: Reader, resources: Resources, network_id: str) -> list[Row]:
    """(id, IP version, CIDR, `ipv6_ra_mode`, `ipv6_address_mode`, `enable_dhcp`, service types) of a network's subnets,
    oldest first.
    """
    alive = [Filter("network_id", "eq", network_id), Filter("deleted_at", "null")]
    return await page(
        reader,
        resources.tables["subnet"],
        alive,
        columns=(
            "id",
            "ip_version",
            "cidr",
            "ipv6_ra_mode",
            "ipv6_address_mode",
            "enable_dhcp",
            "service_types",
        ),
        sorts=[Sort("created_at")],
    )


async def networks_usable(reader: Reader, resources: Resources, project_id: str) -> list[Resource]:
    """Networks for a server that names none: the project's own, then shared ones (Nova's order)."""
    conditions: list[Filters] = [
        [Filter("project_id", "eq", project_id), Filter("shared", "eq", False)],
        [[Filter("shared", "eq", True), named(project_id)]],
    ]
    table, sorts = resources.tables["network"], [Sort("created_at")]
    ids = [
        row[0]
        for own in conditions
        for row in await page(
            reader, table, [Filter("deleted_at", "null"), *own], columns=("id",), sorts=sorts
        )
    ]
    found = [await resources.fetch(reader, "network", id) for id in dict.fromkeys(ids)]
    return [network for network in found if network is not None]
