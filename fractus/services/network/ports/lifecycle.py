"""Ports as the machine sees them: carried to the cloud of their server, with the address and MAC that we chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec import structs

from fractus.addressing.addresses import Addresses
from fractus.addressing.macs import Macs
from fractus.base.clock import Clock
from fractus.model.cloud import Step
from fractus.model.network import HOSTED, PORT, FixedIp, PortObserved, PortWanted
from fractus.model.resource import Need, Resource
from fractus.model.routers import INTERFACES
from fractus.model.wire import WireField
from fractus.reconcile.kind import (
    Apply,
    Difference,
    Done,
    Item,
    Plan,
    Wait,
    adopt_fields,
)
from fractus.services.network.dialect.lifecycle import CrudLifecycle
from fractus.services.network.ports.kind import KIND
from fractus.services.network.ports.schema import holder, needs_of
from fractus.services.network.ports.view import BINDING, DNS_DOMAIN
from fractus.store.transaction import Transaction

#: A port that its server's cloud has not bound after this long (the server failed, or is off) is looked at no more.
_PATIENCE = 600.0
#: How soon it is looked at again, at the earliest: put into a running server, or made with one. Seconds.
_SOON, _AS_ITS_SERVER = 2.0, 15.0


#: Key in `Presence.memory`: the name that its cloud was last sent.
_NAMED = "dns_name"
#: What an administrator says of its binding: its name there, and how nothing is said.
_BOUND_BY_ADMINS: Mapping[str, tuple[str, Any]] = {
    "host": ("binding:host_id", ""), "profile": ("binding:profile", {}),
}  # fmt: skip


class Servers(Protocol):
    """What shows ports as part of itself."""

    async def ports_changed(self, tx: Transaction, server_id: str) -> None:
        """Tell a server again with its ports as they are; nothing if there is none of this id."""
        ...


class PortLifecycle(CrudLifecycle[PortWanted, PortObserved]):
    """The kind `port`."""

    def __init__(self, addresses: Addresses, macs: Macs, clock: Clock, servers: Servers) -> None:
        super().__init__(PORT, KIND.summarise)
        self._servers = servers
        self._addresses = addresses
        self._macs = macs
        self._clock = clock

    def fields(self, item: Item) -> dict[str, Any]:
        """Addresses that a machine gives itself are not asked for: Neutron adds them, the same as ours, for they follow
        from the MAC; asked for by name at a create it would want to give them twice, and refuse.
        """
        desired = item.resource.desired
        fixed = [
            FixedIp(item.remote.get(("subnet", one["subnet_id"]), ""), one["ip_address"])
            for one in desired["fixed_ips"]
            if one["subnet_id"] not in desired["auto_subnets"]
        ]
        owner = desired["device_owner"] if desired["device_owner"] in INTERFACES else ""
        known = {**super().fields(item), "fixed_ips": fixed, "device_owner": owner}
        known |= {"host": "", "profile": {}, **_said(item.resource, item.presence.cloud)}
        if "dns_name" in desired:
            # Each cloud has a domain of its own for its ports: only what stands before it means the same everywhere.
            known["dns_name"] = desired["dns_name"].removesuffix(f".{desired[DNS_DOMAIN]}")
        return known

    def pinned_to(self, resource: Resource) -> str:
        """The cloud of the host that an administrator bound it to."""
        return str(resource.choice.get(HOSTED, ""))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        """The name that its create says, and how it is bound."""
        name = resource.desired.get("dns_name")
        said = _said(resource, cloud)
        return {
            **({_NAMED: name.removesuffix(f".{resource.desired[DNS_DOMAIN]}")} if name else {}),
            **({BINDING: said} if said else {}),
        }

    def is_equal(self, item: Item, field: WireField, asked: Any, there: Any) -> bool:
        """MACs have no case, groups and addresses no order; what a machine gives itself is the cloud's to add."""
        match field.name:
            case "mac_address":
                return not there or bool(asked == there.lower())
            case "fixed_ips":
                # Those of a router's interface are changed by the router.
                is_interface = item.resource.desired["device_owner"] in INTERFACES
                return is_interface or set(asked) == _without_auto(item, there)
            case "security_groups":
                return set(asked) == set(there)
            case "dns_name":
                # A cloud whose ports are in no domain takes any name, and shows none.
                said = item.presence.memory.get(_NAMED)
                return asked is None or asked == there.lower() or (not there and asked == said)
        return super().is_equal(item, field, asked, there)

    def difference(self, item: Item, field: WireField, asked: Any, there: Any) -> Difference:
        """In our own ids where they are known: only groups that are known can be taken over."""
        desired = item.resource.desired
        ours = {there: id for (_, id), there in item.remote.items() if there}
        match field.name:
            case "fixed_ips":
                found = [{"subnet_id": ours.get(one.subnet_id, one.subnet_id), "ip_address": one.ip_address}
                         for one in there]  # fmt: skip
                return Difference("fixed_ips", desired["fixed_ips"], found, adopts=False)
            case "security_groups":
                groups = [ours.get(id, id) for id in there]
                known = all(id in ours for id in there)
                return Difference("security_groups", desired["security_groups"], groups, adopts=known)
        return super().difference(item, field, asked, there)

    def differences(self, item: Item, observed: PortObserved) -> list[Difference]:
        """What `plan` would change, and whose port it is: which server has it is reported only."""
        found = super().differences(item, observed)
        device = item.resource.desired["device_id"]
        if device and item.presence.memory.get("device") and not observed.device_id:
            found.append(Difference("device_id", device, "", mends=False, adopts=False))
        return found

    def beside(self, wanted: PortWanted, observed: PortObserved, body: Mapping[str, Any]) -> dict[str, Any]:
        """Options that are too many have to be named."""
        if "extra_dhcp_opts" not in body or observed.extra_dhcp_opts is None:
            return {}
        return {"extra_dhcp_opts": _options(wanted.extra_dhcp_opts, observed.extra_dhcp_opts)}

    def plan(self, item: Item, observed: PortObserved) -> Plan:
        """One update with all that differs; then wait for the cloud to bind it, for users are shown that."""
        plan = self._binds(item, observed) or super().plan(item, observed)
        if isinstance(plan, Apply):
            named = plan.step.body.get("dns_name")
            return plan if named is None else structs.replace(plan, memory={**plan.memory, _NAMED: named})
        # Which server has it there is remembered: should it be taken from it, that can be reported.
        bound = (
            {BINDING: _said(item.resource, item.presence.cloud)} if BINDING in item.presence.memory else {}
        )
        return self._unbound(item, observed) or Done(
            {"device": observed.device_id, **bound} if observed.device_id else bound
        )

    def _binds(self, item: Item, observed: PortObserved) -> Apply | None:
        """What an administrator says of its binding, where that was not sent yet: once, for Nova says it too."""
        said = _said(item.resource, item.presence.cloud)
        sent, body = item.presence.memory.get(BINDING, {}), {}
        for name, (wire, none) in _BOUND_BY_ADMINS.items():
            asked = said.get(name, none)
            if asked not in (sent.get(name, none), getattr(observed, name)):
                body[wire] = asked
        return Apply(Step("update", body), {BINDING: said}) if body else None

    def _unbound(self, item: Item, observed: PortObserved) -> Wait | None:
        """Whether to look again: less and less often, as long as a server is on its way up."""
        desired = item.resource.desired
        if observed.status in ("", "ACTIVE") or not desired["device_owner"].startswith("compute:"):
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
        """Fields have the same names in what is desired. Other groups must be there wherever the port goes."""
        adopt_fields(resource, found)
        return needs_of(resource.desired) if "security_groups" in found else None

    def ended(self, resource: Resource) -> bool:
        """Nova took it away with its server, for which it had made it."""
        return bool(resource.desired.get("nova_knows")) and not resource.desired["device_id"]

    async def document_changed(self, tx: Transaction, resource: Resource) -> None:
        """Its server shows its addresses and groups."""
        await self._servers.ports_changed(tx, resource.desired["device_id"])

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        """Its addresses and its MAC are free."""
        await self._addresses.release(tx, holder(resource.id))
        await self._macs.release(tx, holder(resource.id))


def _said(port: Resource, cloud: str) -> dict[str, Any]:
    """What an administrator says of its binding: of a host only in the cloud that has it."""
    elsewhere = ("host",) if port.choice.get(HOSTED, cloud) != cloud else ()
    return {
        name: value
        for name in _BOUND_BY_ADMINS
        if name not in elsewhere and (value := port.desired.get(name))
    }


def _without_auto(item: Item, there: Iterable[FixedIp]) -> set[FixedIp]:
    """Without the addresses that a machine gives itself, which nobody asks for."""
    auto = {item.remote.get(("subnet", id)) for id in item.resource.desired["auto_subnets"]}
    return {one for one in there if one.subnet_id not in auto}


def _options(wanted: list[dict[str, Any]], observed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The wanted options, and null for those to be removed: Neutron's update only adds and replaces."""
    names = {(one["opt_name"], int(one.get("ip_version", 4))) for one in wanted}
    superfluous = [
        {"opt_name": one["opt_name"], "opt_value": None, "ip_version": int(one.get("ip_version", 4))}
        for one in observed
        if (one["opt_name"], int(one.get("ip_version", 4))) not in names
    ]
    return [*wanted, *superfluous]
