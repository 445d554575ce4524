"""A port of a cloud becomes one of ours, with the addresses and the MAC that it has.

Ports that the cloud has for itself (DHCP, gateways of routers, floating addresses) and those of projects that are
nobody's here stay the cloud's own; their addresses are held in its name, so that none of them is given to anybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.addressing.addresses import Addresses, AddressTaken, cloud_holder
from fractus.addressing.macs import Macs, MacTaken
from fractus.addressing.ranges import is_self_addressed
from fractus.model.network import PORT, PortObserved
from fractus.model.resource import Resource
from fractus.model.routers import INTERFACES
from fractus.reconcile.adopt.adoption import (
    Adopt,
    AdoptionContext,
    Conflict,
    Ignore,
    Merge,
    Verdict,
    unmapped,
)
from fractus.services.network.dialect.adoption import CrudAdoption
from fractus.services.network.ports.schema import holder, needs_of
from fractus.store.transaction import Transaction


class PortAdoption(CrudAdoption[PortObserved]):
    """Taking over ports."""

    after: tuple[str, ...] = ("subnet", "router")

    def __init__(self, addresses: Addresses, macs: Macs) -> None:
        """`addresses`, `macs`: who holds which."""
        super().__init__(PORT)
        self._addresses = addresses
        self._macs = macs

    def needed(
        self, observed: PortObserved, listed: Mapping[str, Mapping[str, Any]]
    ) -> list[tuple[str, str]]:
        """What it is on, and what guards it."""
        return [
            *super().needed(observed, listed),
            *(("subnet", one.subnet_id) for one in observed.fixed_ips or ()),
        ]

    async def judge(self, tx: Transaction, observed: PortObserved, context: AdoptionContext) -> Verdict:
        """Everything that it is tied to must be taken over before."""
        project_id = context.project(observed.project_id)
        owner = observed.device_owner
        router = await context.taken(tx, "router", observed.device_id) if owner in INTERFACES else None
        if owner and not owner.startswith("compute:") and router is None:
            return await self._left(tx, observed, context, Ignore(f"it is the cloud's own ({owner})"))
        if project_id is None:
            return await self._left(tx, observed, context, unmapped())
        network = await context.taken(tx, "network", observed.network_id)
        if network is None:
            return Ignore(f"its network {observed.network_id} is not taken over")
        id = observed.marker or observed.remote_id
        known = await context.resource(tx, "port", id)
        if known is not None:
            if observed.marker and known.project_id == project_id:
                return Merge(id)
            return Conflict(f"there is another port {id} here")
        fixed: list[dict[str, str]] = []
        auto: list[str] = []
        for one in observed.fixed_ips or []:
            subnet = await context.taken(tx, "subnet", one.subnet_id)
            if subnet is None:
                return Conflict(f"its subnet {one.subnet_id} is not taken over")
            fixed.append({"subnet_id": subnet.id, "ip_address": one.ip_address})
            modes = (subnet.desired["ipv6_ra_mode"], subnet.desired["ipv6_address_mode"])
            auto += [subnet.id] if is_self_addressed(*modes) else []
        referred = await self.references(tx, observed, context, known=("network",))
        if isinstance(referred, Conflict):
            return referred
        clash = await self._hold(tx, id, network.id, fixed, observed, context.cloud)
        if clash is not None:
            return clash
        resource = self._made(id, project_id, network, fixed, auto, observed, context)
        resource.desired |= referred
        if router is not None:
            # A router has any address anywhere; none of its ports addresses itself.
            resource.desired |= {"device_id": router.id, "auto_subnets": []}
        return Adopt(resource, needs_of(resource.desired))

    def _made(
        self,
        id: str,
        project_id: str,
        network: Resource,
        fixed: list[dict[str, str]],
        auto: list[str],
        observed: PortObserved,
        context: AdoptionContext,
    ) -> Resource:
        resource = self.resource(id, project_id, observed, context)
        del resource.desired["dns_name"]  # its cloud gave it, in a domain of that cloud
        of_server = observed.device_owner.startswith("compute:") and bool(observed.device_id)
        resource.desired |= {
            "network_id": network.id,
            "network_project_id": network.project_id,
            "mac_address": observed.mac_address.lower(),
            "fixed_ips": fixed,
            "auto_subnets": auto,
            "device_id": context.planned("server", observed.device_id) if of_server else observed.device_id,
            "device_owner": observed.device_owner,
            "device_since": resource.created_at,
            # Whether Nova made it for the server, and takes it away with it, only Nova knows: it shows when that ends.
            "owned_by_server": bool(observed.marker) and not observed.name if of_server else False,
            "nova_knows": of_server and not observed.marker,
            "place": 0,
            "extra_dhcp_opts": [
                {**one, "ip_version": int(one.get("ip_version", 4))} for one in observed.extra_dhcp_opts or []
            ],
        }
        return resource

    async def _hold(
        self,
        tx: Transaction,
        id: str,
        network_id: str,
        fixed: list[dict[str, str]],
        observed: PortObserved,
        cloud: str,
    ) -> Conflict | None:
        """Its addresses and its MAC are its own."""
        for one in fixed:
            held_by = await self._reserve(tx, one["subnet_id"], one["ip_address"], holder(id))
            if held_by == cloud_holder(cloud):
                # Left to the cloud at an earlier time, when its project was nobody's.
                await self._addresses.release(
                    tx, cloud_holder(cloud), subnet_id=one["subnet_id"], ips=[one["ip_address"]]
                )
                held_by = await self._reserve(tx, one["subnet_id"], one["ip_address"], holder(id))
            if held_by:
                return Conflict(
                    f"its address {one['ip_address']} is held by {held_by.replace('/', ' ')} here"
                )
        try:
            await self._macs.reserve(tx, network_id, observed.mac_address.lower(), holder(id))
        except MacTaken:
            return Conflict(f"another port of its network has the MAC address {observed.mac_address} here")
        return None

    async def _left(
        self, tx: Transaction, observed: PortObserved, context: AdoptionContext, verdict: Ignore
    ) -> Ignore:
        """It stays the cloud's own; nobody of ours may get its addresses."""
        for one in observed.fixed_ips or []:
            subnet = await context.taken(tx, "subnet", one.subnet_id)
            if subnet is not None:
                await self._reserve(tx, subnet.id, one.ip_address, cloud_holder(context.cloud))
        return verdict

    async def _reserve(self, tx: Transaction, subnet_id: str, ip: str, who: str) -> str:
        """Who holds the address already; empty where it is `who`'s now."""
        try:
            await self._addresses.reserve(tx, subnet_id, ip, who, 6 if ":" in ip else 4)
        except AddressTaken as error:
            return error.holder
        return ""
