"""How users see a port, as far as it is particular: what is in order, and how its cloud has bound it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from fractus.model.network import unreachable
from fractus.model.resource import APART, Presence, Resource
from fractus.model.routers import FLOATING_IP_PORT, GATEWAY, INTERFACE
from fractus.model.trunks import PARENT_OF
from fractus.services.network.dialect.schema.dns import NO_DOMAIN
from fractus.services.network.dialect.view import among, is_refused_everywhere

NAMED_HOST = "named_host"
"""Key in `desired`: the host that an administrator bound the port to, by the name that it has here."""

BINDING = "binding"
"""Key in `Presence.memory`: what of its binding by an administrator its cloud was last sent."""

DNS_DOMAIN = "dns_domain"
"""Key in `desired`: the domain of the ports of this installation when the port got its name, where they are in one."""

IP_ALLOCATION = "ip_allocation"
"""Key in `desired`: how the port got its addresses; `immediate` where it is not there."""


_NOWHERE = {
    # Of what leads outside each cloud has a port of its own: whether that is up is not known here.
    GATEWAY: "N/A",
    FLOATING_IP_PORT: "N/A",
    # No cloud has a port to route for yet, so nothing is missing; clients wait for ACTIVE before they go on.
    INTERFACE: "ACTIVE",
}
"""Owner -> status of a port that no cloud needs."""


def _there(presences: Sequence[Presence]) -> dict[str, Any]:
    """What was last seen of the port where it is; a port is in one cloud at a time but for moments of a move."""
    observed = [one.observed for one in presences if one.wanted and one.remote_id and one.observed]
    return observed[-1] if observed else {}


def _apart(network_id: str, presences: Sequence[Presence]) -> list[str]:
    """Clouds with other ports of its network, where this port was put into another one."""
    key = f"network/{network_id}"
    return [cloud for one in presences if one.wanted for cloud in one.memory.get(APART, {}).get(key, ())]


def status(port: Resource, presences: Sequence[Presence]) -> str:
    """DOWN until a cloud has bound it and when it is gone from there; ERROR where its cloud refuses it as wanted."""
    if not presences:
        return _NOWHERE.get(port.desired["device_owner"], "DOWN")
    if is_refused_everywhere(list(presences)):
        return "ERROR"
    if any(one.wanted and one.memory.get("missing") for one in presences):
        return "DOWN"
    return _there(presences).get("status") or "DOWN"


def derived(port: Resource, presences: Sequence[Presence]) -> Mapping[str, Any]:
    """Its lists in Neutron's order, how it is bound, and that others of its network are out of its reach."""
    desired, there = port.desired, _there(presences)
    ordered = in_order(desired)
    found = {
        **ordered,
        **_names(desired, ordered["fixed_ips"]),
        "binding:host_id": _host(desired, there, presences),
        "binding:vif_type": there.get("vif_type") or "unbound",
        "binding:vif_details": there.get("vif_details") or {},
        "binding:profile": there.get("profile") or desired.get("profile") or {},
        "resource_request": there.get("resource_request"),
        IP_ALLOCATION: desired.get(IP_ALLOCATION, "immediate"),
    }
    if desired.get(PARENT_OF):
        found["trunk_details"] = desired[PARENT_OF]
    apart = _apart(desired["network_id"], presences) if presences else []
    if apart:
        found["fractus:reach"] = unreachable(desired["network_id"], apart)
    return found


def _host(desired: Mapping[str, Any], there: Mapping[str, Any], presences: Sequence[Presence]) -> str:
    """Where its cloud has bound it; or where an administrator has it bound, by the name that that one said, as long as
    its cloud was not sent that, or says the same.
    """
    found, asked = there.get("host") or "", desired.get("host", "")
    sent: Mapping[str, Any] = next(
        (one.memory.get(BINDING, {}) for one in presences if one.wanted and one.remote_id), {}
    )
    if found == asked or sent.get("host", "") != asked:
        return str(desired.get(NAMED_HOST) or asked)
    return str(found)


def in_order(desired: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of a port that Neutron reads in the order of its keys, whatever order they were given in."""
    return {
        "fixed_ips": _by(_ADDRESS, desired["fixed_ips"]),
        "security_groups": sorted(desired["security_groups"]),
        "allowed_address_pairs": _by(_PAIR, desired["allowed_address_pairs"]),
    }


_ADDRESS, _PAIR = itemgetter("ip_address", "subnet_id"), itemgetter("mac_address", "ip_address")


def _by(key: Callable[[Any], Any], entries: Sequence[Any]) -> list[Any]:
    return list(entries) if len(entries) < 2 else sorted(entries, key=key)


def _names(desired: Mapping[str, Any], fixed_ips: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Its name in the DNS, and those of its addresses, as a Neutron with the same domain shows them."""
    name, domain = desired.get("dns_name", ""), desired.get(DNS_DOMAIN, NO_DOMAIN)
    dot = f".{domain}" if domain else ""
    assignment = []
    for one in fixed_ips:
        ip = one["ip_address"]
        host = name or f"host-{ip.replace('.', '-').replace(':', '-')}"
        assignment.append(
            {"ip_address": ip, "hostname": host, "fqdn": host if host.endswith(".") else f"{host}{dot}"}
        )
    return {"dns_name": name, "dns_assignment": assignment}


def addresses_column(fixed_ips: list[dict[str, str]]) -> str:
    """Addresses and subnets in one column: `|subnet_id=...|ip_address=...|`."""
    return among([f"{name}={value}" for one in fixed_ips for name, value in one.items()])


def target(resource: Resource) -> dict[str, Any]:
    """The port as policy rules know it."""
    return {
        "id": resource.id,
        "project_id": resource.project_id,
        "tenant_id": resource.project_id,
        "device_owner": resource.desired["device_owner"],
        "device_id": resource.desired["device_id"],
        "network:project_id": resource.desired["network_project_id"],
    }


def bound(presences: Sequence[Presence]) -> str:
    """The type of a port's binding where a cloud has bound it, else empty."""
    vif_type = _there(presences).get("vif_type") or ""
    return "" if vif_type in ("unbound", "binding_failed") else vif_type
