"""Floating IPs as the machine sees them: each is in the cloud that the subnet of its address is in,
or that of its port, where that subnet may be in any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from fractus.addressing.addresses import Addresses
from fractus.model.network import FLOATING_IP, FloatingIpObserved, FloatingIpWanted
from fractus.model.placement import follows
from fractus.model.resource import Presence, Resource
from fractus.model.routers import SHOWN_GATEWAY
from fractus.model.wire import WireField
from fractus.reconcile.kind import Difference, Done, Item, Plan, Wait
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.dialect.queries.rows import ids
from fractus.services.network.floating_ips.kind import DOWN, KIND, PORT_STATUS, holder
from fractus.store import presences
from fractus.store.listing import Filter
from fractus.store.resources import Resources
from fractus.store.transaction import Reader, Transaction

#: Its port wakes it when it comes to the cloud; so long it is not looked at without that. Seconds.
_UNTIL_PORT = 300.0


class FloatingIpLifecycle(CrudLifecycle[FloatingIpWanted, FloatingIpObserved]):
    """The kind `floatingip`."""

    traits = follows("subnet", "port")
    facts_from = frozenset({"router", "router_interface"})

    def __init__(self, resources: Resources, addresses: Addresses) -> None:
        super().__init__(FLOATING_IP, KIND.summarise)
        self._resources, self._addresses = resources, addresses

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """Whether its router joins both networks in this cloud. Before, the cloud refuses to have it lead there."""
        desired = resource.desired
        if not desired["port_id"]:
            return {}
        if desired["router_id"] and not await self._is_joined(reader, desired, presence.cloud):
            return {"apart": True}
        there = await presences.fetch(reader, "port", desired["port_id"], presence.cloud)
        return {} if there is None else {PORT_STATUS: (there.observed or {}).get("status") or DOWN}

    async def _is_joined(self, reader: Reader, desired: Mapping[str, Any], cloud: str) -> bool:
        """Whether its router has its gateway there, and its interface in the subnet of its port's address."""
        there = await presences.fetch(reader, "router", desired["router_id"], cloud)
        if there is None or not _is_there(there) or not there.memory.get(SHOWN_GATEWAY):
            return False
        port = await self._resources.fetch(reader, "port", desired["port_id"])
        fixed = () if port is None else port.desired["fixed_ips"]
        subnets = {one["subnet_id"] for one in fixed if one["ip_address"] == desired["fixed_ip_address"]}
        own = await self._resources.needed_by_kind(reader, "router", desired["router_id"], "router_interface")
        for id in own:
            interface = await self._resources.fetch(reader, "router_interface", id)
            if interface is None or not subnets & set(interface.desired["subnets"]):
                continue
            if _is_there(await presences.fetch(reader, "router_interface", id, cloud)):
                return True
        return False

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        """Those that lead through a router."""
        if kind == "router_interface":
            interface = await self._resources.fetch(reader, kind, id)
            id = "" if interface is None else interface.desired["router_id"]
        return await ids(reader, self._resources, KIND.name, Filter("router_id", "eq", id)) if id else []

    def fields(self, item: Item) -> dict[str, Any]:
        """It leads to its port where that is there, and can be reached; until then nowhere."""
        port = item.remote.get(("port", item.resource.desired["port_id"])) or None
        port = None if item.facts.get("apart") else port
        fixed = item.resource.desired["fixed_ip_address"] if port else None
        return {**super().fields(item), "port_id": port, "fixed_ip_address": fixed}

    def difference(self, item: Item, field: WireField, asked: Any, there: Any) -> Difference:
        """Ports by our own ids. Where it leads is asked for here, and cannot be taken over from a cloud."""
        ours = {remote: id for (kind, id), remote in item.remote.items() if kind == "port"}
        wanted, found = (ours.get(one, one) if field.name == "port_id" else one for one in (asked, there))
        return Difference(field.name, wanted, found, adopts=False)

    def plan(self, item: Item, observed: FloatingIpObserved) -> Plan:
        """As it should be, then wait for its port."""
        plan, port_id = super().plan(item, observed), item.resource.desired["port_id"]
        if isinstance(plan, Done):
            plan = structs.replace(plan, memory={**plan.memory, PORT_STATUS: item.facts.get(PORT_STATUS)})
        if port_id and isinstance(plan, Done) and self.fields(item)["port_id"] is None:
            router = item.resource.desired["router_id"]
            on = f"router/{router}" if item.facts.get("apart") else f"port/{port_id}"
            return Wait(_UNTIL_PORT, f"{on.replace('/', ' ')} is not there yet", on=on)
        return plan

    def beside(
        self, wanted: FloatingIpWanted, observed: FloatingIpObserved, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Neutron takes an address of a port only with the port."""
        return {"port_id": wanted.port_id} if "fixed_ip_address" in body else {}

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Its address is free."""
        await self._addresses.release(tx, holder(resource.id))


def _is_there(presence: Presence | None) -> bool:
    return presence is not None and presence.wanted and presence.remote_id is not None
