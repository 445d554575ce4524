"""Floating IPs as the machine sees them: each is in the cloud that the subnet of its address is in,
or that of its port, where that subnet may be in any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs, to_builtins

from fractus.addressing.addresses import Addresses
from fractus.model.cloud import Step
from fractus.model.network import FLOATING_IP, FloatingIpObserved, FloatingIpWanted, PortForwarding
from fractus.model.placement import follows
from fractus.model.resource import Presence, Resource
from fractus.model.routers import SHOWN_GATEWAY
from fractus.model.wire import WireField
from fractus.reconcile.kind import Apply, Difference, Done, Item, Plan, Wait
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.dialect.queries.rows import ids
from fractus.services.network.dialect.schema.qos import QOS_POLICY
from fractus.services.network.floating_ips.kind import DOWN, KIND, PORT_STATUS, holder
from fractus.services.network.floating_ips.schema import FORWARDINGS
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
        """The ports that its router does not reach in this cloud. Before, the cloud refuses to have it lead there."""
        desired = resource.desired
        ends = [(one["internal_port_id"], one["internal_ip_address"]) for one in desired.get(FORWARDINGS, ())]
        ends += [(desired["port_id"], desired["fixed_ip_address"])] if desired["port_id"] else []
        if not ends:
            return {}
        router_id, cloud = desired["router_id"], presence.cloud
        apart = [
            port_id
            for port_id, ip in dict.fromkeys(ends)
            if router_id and not await self._is_joined(reader, router_id, port_id, ip, cloud)
        ]
        if apart:
            return {"apart": apart}
        there = await presences.fetch(reader, "port", desired["port_id"] or "", cloud)
        return {} if there is None else {PORT_STATUS: (there.observed or {}).get("status") or DOWN}

    async def _is_joined(self, reader: Reader, router_id: str, port_id: str, ip: str, cloud: str) -> bool:
        """Whether its router has its gateway there, and its interface in the subnet of its port's address."""
        there = await presences.fetch(reader, "router", router_id, cloud)
        if there is None or not _is_there(there):
            return False
        if not (there.memory.get(SHOWN_GATEWAY) or (there.observed or {}).get("gateway")):
            return False
        port = await self._resources.fetch(reader, "port", port_id)
        fixed = () if port is None else port.desired["fixed_ips"]
        subnets = {one["subnet_id"] for one in fixed if one["ip_address"] == ip}
        own = await self._resources.needed_by_kind(reader, "router", router_id, "router_interface")
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
        desired, apart = item.resource.desired, item.facts.get("apart", ())
        port = item.remote.get(("port", desired["port_id"])) or None
        port = None if desired["port_id"] in apart else port
        fixed = desired["fixed_ip_address"] if port else None
        forwardings = [
            PortForwarding(
                protocol=one["protocol"],
                internal_port_id=remote,
                internal_ip_address=one["internal_ip_address"],
                internal=one["internal_port_range"],
                external=one["external_port_range"],
                description=one["description"],
            )
            for one in desired.get(FORWARDINGS, ())
            if (remote := item.remote.get(("port", one["internal_port_id"])))
            and one["internal_port_id"] not in apart
        ]
        return {
            **super().fields(item),
            "port_id": port,
            "fixed_ip_address": fixed,
            "port_forwardings": forwardings,
        }

    def differences(self, item: Item, observed: FloatingIpObserved) -> list[Difference]:
        """With its port forwardings: those that should be there, and those that are there instead."""
        found = super().differences(item, observed)
        wanted, there = self._forwardings_apart(item, observed)
        if wanted or there:
            found.append(Difference(FORWARDINGS, to_builtins(wanted), to_builtins(there), adopts=False))
        return found

    def is_equal(self, item: Item, field: WireField, asked: Any, there: Any) -> bool:
        """Of a policy nothing was said of one that versions without policies made or took over."""
        if field.name == QOS_POLICY.key and QOS_POLICY.key not in item.resource.desired:
            return True
        return super().is_equal(item, field, asked, there)

    def difference(self, item: Item, field: WireField, asked: Any, there: Any) -> Difference:
        """Ports by our own ids. Where it leads is asked for here, and cannot be taken over from a cloud."""
        if field.name == QOS_POLICY.key:
            return super().difference(item, field, asked, there)
        ours = {remote: id for (kind, id), remote in item.remote.items() if kind == "port"}
        wanted, found = (ours.get(one, one) if field.name == "port_id" else one for one in (asked, there))
        return Difference(field.name, wanted, found, adopts=False)

    def plan(self, item: Item, observed: FloatingIpObserved) -> Plan:
        """As it should be, then wait for its port."""
        plan, desired = super().plan(item, observed), item.resource.desired
        if isinstance(plan, Done):
            step = forwarding_step(*self._forwardings_apart(item, observed))
            if step is not None:
                return Apply(step)
            plan = structs.replace(plan, memory={**plan.memory, PORT_STATUS: item.facts.get(PORT_STATUS)})
        ends = [one["internal_port_id"] for one in desired.get(FORWARDINGS, ())]
        ends += [desired["port_id"]] if desired["port_id"] else []
        apart = item.facts.get("apart", ())
        for port_id in ends if isinstance(plan, Done) else ():
            if port_id in apart or not item.remote.get(("port", port_id)):
                on = f"router/{desired['router_id']}" if port_id in apart else f"port/{port_id}"
                return Wait(_UNTIL_PORT, f"{on.replace('/', ' ')} is not there yet", on=on)
        return plan

    def _forwardings_apart(
        self, item: Item, observed: FloatingIpObserved
    ) -> tuple[list[PortForwarding], list[PortForwarding]]:
        """Of one of which nothing was ever said here, they are the cloud's own."""
        if FORWARDINGS not in item.resource.desired:
            return [], []
        return forwardings_apart(self.wanted(item).port_forwardings, observed.port_forwardings)

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


# --- port forwardings -----------------------------------------------------------------------------


def forwardings_apart(
    wanted: list[PortForwarding], there: list[PortForwarding] | None
) -> tuple[list[PortForwarding], list[PortForwarding]]:
    """Those that are not there as they should be, and those that should not be there as they are. A listing does not
    say which ranges are forwarded: then only how many is compared.
    """
    if there is None:
        return [], []
    if any(not one.external or not one.internal for one in there):
        ours, theirs = (sorted(_as_listed(one) for one in some) for some in (wanted, there))
        return ([], []) if ours == theirs else (wanted, there)
    known = {_place(one): one for one in there}
    ours_by_place = {_place(one): one for one in wanted}
    missing = [one for place, one in ours_by_place.items() if place not in known or _apart(one, known[place])]
    more = [
        one for place, one in known.items() if place not in ours_by_place or _apart(ours_by_place[place], one)
    ]
    return missing, more


def forwarding_step(wanted: list[PortForwarding], there: list[PortForwarding]) -> Step | None:
    """The next of the steps that make them equal: what is in the way goes first."""
    for one in there:
        return Step("delete_forwarding", {"remote_id": one.remote_id})
    for one in wanted:
        return Step("add_forwarding", to_builtins(one))
    return None


def _place(one: PortForwarding) -> tuple[str, str]:
    """What a floating IP has one forwarding for."""
    return one.protocol, one.external


def _apart(wanted: PortForwarding, there: PortForwarding) -> bool:
    return wanted != structs.replace(there, remote_id="")


def _as_listed(one: PortForwarding) -> tuple[str, ...]:
    single = (
        text if text and len(set(text.split(":"))) == 1 else "" for text in (one.internal, one.external)
    )
    return one.protocol, one.internal_port_id, one.internal_ip_address, *single
