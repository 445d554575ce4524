"""Ports as the machine sees them: carried to the cloud of their server, with the address and MAC that we chose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.base.clock import Clock
from fractus.model.cloud import Step
from fractus.model.network import FixedIp, PortSeen, PortWanted
from fractus.model.placement import carried
from fractus.model.resource import Need, Presence, Resource, Summary
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Item,
    Plan,
    Sweeping,
    Wait,
    adopt_fields,
    with_wanted,
)
from fractus.services.network.dialect.lifecycle import differences, differing, unordered
from fractus.services.network.ports.schema import holder, needs_of
from fractus.services.network.ports.view import summarise
from fractus.store.transaction import Transaction

#: A port that its server's cloud has not bound after this long (the server failed, or is off) is looked at no more.
_PATIENCE = 600.0
#: How soon it is looked at again, at the earliest: put into a running server, or made with one. Seconds.
_SOON, _AS_ITS_SERVER = 2.0, 15.0


_FIELDS = ("name", "admin_state_up", "port_security_enabled")


class Servers(Protocol):
    """What shows ports as part of itself."""

    async def ports_changed(self, tx: Transaction, server_id: str) -> None:
        """Tell a server again with its ports as they are; nothing if there is none of this id."""
        ...


class PortLifecycle:
    """The kind `port`."""

    name = "port"
    seen_type = PortSeen
    traits = carried()
    sweeping = Sweeping()

    def __init__(self, addresses: Addresses, macs: Macs, clock: Clock, servers: Servers) -> None:
        self._servers = servers
        self._addresses = addresses
        self._macs = macs
        self._clock = clock

    def demand(self, resource: Resource) -> Demand:
        """Nothing: a port goes where its server goes."""
        return Demand()

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """Nothing is set aside."""
        return {}

    def wanted(self, item: Item) -> PortWanted:
        """The port to be, in the cloud's ids.

        Addresses that a machine gives itself are not asked for: Neutron adds them, the same as ours, for they follow
        from the MAC; asked for by name at a create it would want to give them twice, and refuse.
        """
        desired, remote = item.resource.desired, item.remote
        return PortWanted(
            id=item.resource.id,
            name=item.resource.desired["name"],
            network_id=remote.get(("network", desired["network_id"]), ""),
            mac_address=desired["mac_address"],
            fixed_ips=[
                FixedIp(remote.get(("subnet", one["subnet_id"]), ""), one["ip_address"])
                for one in desired["fixed_ips"]
                if one["subnet_id"] not in desired["auto_subnets"]
            ],
            security_groups=[remote.get(("security_group", id), "") for id in desired["security_groups"]],
            allowed_address_pairs=desired["allowed_address_pairs"],
            admin_state_up=desired["admin_state_up"],
            port_security_enabled=desired["port_security_enabled"],
            extra_dhcp_opts=desired["extra_dhcp_opts"],
        )

    def differences(self, item: Item, seen: PortSeen) -> list[Difference]:
        """What `plan` would change, and whose port it is. What was found is told in our own ids where they are known.

        Addresses and MACs are ours to deal out, so others cannot be taken over; which server has it is told only.
        """
        wanted = self.wanted(item)
        ours = {there: id for (_, id), there in item.remote.items() if there}
        found = differences(wanted, seen, _FIELDS)
        if seen.mac_address and seen.mac_address.lower() != wanted.mac_address:
            found.append(Difference("mac_address", wanted.mac_address, seen.mac_address, adopts=False))
        desired = item.resource.desired
        if seen.fixed_ips is not None and _without_auto(item, seen.fixed_ips) != set(wanted.fixed_ips):
            there = [{"subnet_id": ours.get(one.subnet_id, one.subnet_id), "ip_address": one.ip_address}
                     for one in seen.fixed_ips]  # fmt: skip
            found.append(Difference("fixed_ips", desired["fixed_ips"], there, adopts=False))
        if seen.security_groups is not None and set(seen.security_groups) != set(wanted.security_groups):
            groups = [ours.get(id, id) for id in seen.security_groups]
            known = all(id in ours for id in seen.security_groups)
            found.append(Difference("security_groups", desired["security_groups"], groups, adopts=known))
        if desired["device_id"] and item.presence.memory.get("device") and not seen.device_id:
            found.append(Difference("device_id", desired["device_id"], "", mends=False, adopts=False))
        for name in ("allowed_address_pairs", "extra_dhcp_opts"):
            rows = getattr(seen, name)
            if rows is not None and unordered(rows) != unordered(getattr(wanted, name)):
                found.append(Difference(name, getattr(wanted, name), rows))
        return found

    def as_wanted(self, item: Item, seen: PortSeen, fields: Collection[str]) -> PortSeen:
        """Names are the same on both sides; addresses that a machine gives itself stay as they are."""
        wanted = self.wanted(item)
        told: PortSeen = with_wanted(wanted, seen, fields)
        return told

    def plan(self, item: Item, seen: PortSeen) -> Plan:
        """One update with all that differs; then wait for the cloud to bind it, for users are shown that."""
        wanted = self.wanted(item)
        body = differing(wanted, seen, _FIELDS)
        if seen.mac_address and seen.mac_address.lower() != wanted.mac_address:
            body["mac_address"] = wanted.mac_address
        if seen.fixed_ips is not None and _without_auto(item, seen.fixed_ips) != set(wanted.fixed_ips):
            body["fixed_ips"] = [
                {"subnet_id": one.subnet_id, "ip_address": one.ip_address} for one in wanted.fixed_ips
            ]
        if seen.security_groups is not None and set(seen.security_groups) != set(wanted.security_groups):
            body["security_groups"] = wanted.security_groups
        for name in ("allowed_address_pairs", "extra_dhcp_opts"):
            rows = getattr(seen, name)
            if rows is not None and unordered(rows) != unordered(getattr(wanted, name)):
                body[name] = getattr(wanted, name)
        if "extra_dhcp_opts" in body and seen.extra_dhcp_opts is not None:
            body["extra_dhcp_opts"] = _options(wanted.extra_dhcp_opts, seen.extra_dhcp_opts)
        if body:
            return Apply(Step("update", body))
        # Which server has it there is remembered: should it be taken from it, that can be told.
        return self._unbound(item, seen) or Done({"device": seen.device_id} if seen.device_id else {})

    def _unbound(self, item: Item, seen: PortSeen) -> Wait | None:
        """Whether to look again: less and less often, as long as a server is on its way up."""
        desired = item.resource.desired
        if seen.status in ("", "ACTIVE") or not desired["device_owner"].startswith("compute:"):
            return None
        since = max(item.presence.created_at, float(desired.get("device_since", 0.0)))
        waited = self._clock.now() - since
        if waited > _PATIENCE:
            return None
        # It is bound as its server comes up, and that wakes it. One that is put into a running server is bound soon.
        on = f"server/{desired['device_id']}" if desired["device_id"] else ""
        late = since > item.presence.created_at
        pause = max(_SOON, waited / 2) if late else max(_AS_ITS_SERVER, waited)
        return Wait(pause, "the cloud has not bound it yet", on=on)

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        """Fields have the same names in the wish. Other groups must be there wherever the port goes."""
        adopt_fields(resource, found)
        return needs_of(resource.desired) if "security_groups" in found else None

    def settled(self, presence: Presence, seen: PortSeen) -> bool:
        """As soon as it is there: its server is waiting for it, and it was made with all that it has."""
        return True

    def ended(self, resource: Resource) -> bool:
        """Nova took it away with its server, for which it had made it."""
        return bool(resource.desired.get("nova_knows")) and not resource.desired["device_id"]

    async def told(self, tx: Transaction, resource: Resource) -> None:
        """Its server shows its addresses and groups."""
        await self._servers.ports_changed(tx, resource.desired["device_id"])

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        """How users see it."""
        return summarise(resource, presences)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        """Nothing was set aside for one cloud."""

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Its addresses and its MAC are free."""
        await self._addresses.release(tx, holder(resource.id))
        await self._macs.release(tx, holder(resource.id))


def _without_auto(item: Item, there: Iterable[FixedIp]) -> set[FixedIp]:
    """Without the addresses that a machine gives itself, which nobody asks for."""
    auto = {item.remote.get(("subnet", id)) for id in item.resource.desired["auto_subnets"]}
    return {one for one in there if one.subnet_id not in auto}


def _options(wanted: list[dict[str, Any]], seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The wanted options, and null for those to be removed: Neutron's update only adds and replaces."""
    names = {(one["opt_name"], int(one.get("ip_version", 4))) for one in wanted}
    superfluous = [
        {"opt_name": one["opt_name"], "opt_value": None, "ip_version": int(one.get("ip_version", 4))}
        for one in seen
        if (one["opt_name"], int(one.get("ip_version", 4))) not in names
    ]
    return [*wanted, *superfluous]
