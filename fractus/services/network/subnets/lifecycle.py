"""Subnets as the machine sees them: each cloud gets a few addresses of its own, all others are given out by us."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import UNSET

from fractus.addressing.addresses import Addresses
from fractus.model.cloud import Step
from fractus.model.network import SubnetSeen, SubnetWanted
from fractus.model.placement import carried
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.reconcile.kind import (
    NOTED,
    Apply,
    Demand,
    Difference,
    Done,
    Item,
    Plan,
    Sweeping,
    adopt_fields,
    to_note,
    with_wanted,
)
from fractus.services.network.dialect.lifecycle import differences, differing, unordered
from fractus.services.network.subnets.schema import as_pools, cloud_holder, share
from fractus.services.network.subnets.view import summarise
from fractus.store.transaction import Transaction

_FIELDS = ("name", "enable_dhcp", "dns_nameservers")


class SubnetLifecycle:
    """The kind `subnet`."""

    name = "subnet"
    seen_type = SubnetSeen
    traits = carried()
    sweeping = Sweeping()

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    def demand(self, resource: Resource) -> Demand:
        """Nothing: no cloud is chosen for a subnet."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Set aside what the cloud needs for its DHCP ports, so that it never takes an address of ours."""
        desired = resource.desired
        count = share(desired) if desired["enable_dhcp"] else 0
        taken = await self._addresses.take_last(tx, resource.id, count, cloud_holder(cloud))
        return {"pools": as_pools(taken, desired["ip_version"])}

    def wanted(self, item: Item) -> SubnetWanted:
        """The subnet to be, with this cloud's share as its pools."""
        desired = item.resource.desired
        late = desired.get("reserved", {}).get(item.presence.cloud, [])
        return SubnetWanted(
            id=item.resource.id,
            name=item.resource.desired["name"],
            notes={"pools": desired["allocation_pools"]},
            network_id=item.remote.get(("network", desired["network_id"]), ""),
            cidr=desired["cidr"],
            ip_version=desired["ip_version"],
            gateway_ip=desired["gateway_ip"],
            enable_dhcp=desired["enable_dhcp"],
            dns_nameservers=desired["dns_nameservers"],
            host_routes=desired["host_routes"],
            pools=[*item.presence.memory.get("pools", []), *late],
            ipv6_address_mode=desired["ipv6_address_mode"],
            ipv6_ra_mode=desired["ipv6_ra_mode"],
        )

    def differences(self, item: Item, seen: SubnetSeen) -> list[Difference]:
        """What `plan` would change. A gateway is an address that we deal out, so another cannot be taken over."""
        wanted = self.wanted(item)
        found = differences(wanted, seen, _FIELDS)
        if seen.gateway_ip is not UNSET and seen.gateway_ip != wanted.gateway_ip:
            found.append(Difference("gateway_ip", wanted.gateway_ip, seen.gateway_ip, adopts=False))
        if seen.host_routes is not None and unordered(wanted.host_routes) != unordered(seen.host_routes):
            found.append(Difference("host_routes", wanted.host_routes, seen.host_routes))
        return found

    def as_wanted(self, item: Item, seen: SubnetSeen, fields: Collection[str]) -> SubnetSeen:
        """Names are the same on both sides."""
        told: SubnetSeen = with_wanted(self.wanted(item), seen, fields)
        return told

    def plan(self, item: Item, seen: SubnetSeen) -> Plan:
        """One update with all that differs."""
        wanted = self.wanted(item)
        body = differing(wanted, seen, _FIELDS)
        if seen.gateway_ip is not UNSET and seen.gateway_ip != wanted.gateway_ip:  # None is none, not unsaid
            body["gateway_ip"] = wanted.gateway_ip
        if seen.host_routes is not None and unordered(wanted.host_routes) != unordered(seen.host_routes):
            body["host_routes"] = wanted.host_routes
        if body.get("enable_dhcp") and wanted.pools:
            body["allocation_pools"] = wanted.pools  # the cloud may not have had any before
        if to_note(item, wanted.notes, seen):
            body |= {"id": item.resource.id, "notes": wanted.notes}
        return Apply(Step("update", body), {NOTED: item.resource.generation}) if body else Done()

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Fields have the same names in the wish."""
        adopt_fields(resource, found)
        return None

    def settled(self, presence: Presence, seen: SubnetSeen) -> bool:
        """As soon as it is there."""
        return True

    async def told(self, tx: Transaction, resource: Resource) -> None:
        """Nothing else shows parts of it."""

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """The cloud's share is free again."""
        await self._addresses.release(tx, cloud_holder(presence.cloud), subnet_id=resource.id)

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Nothing is held of it any more."""
        await self._addresses.close(tx, resource.id)
