"""How users see a port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.network import unreachable
from fractus.model.resource import APART, Presence, Resource, Summary, as_found
from fractus.services.network.dialect import view as documents


def _there(presences: list[Presence]) -> dict[str, Any]:
    """What was last seen of the port where it is; a port is in one cloud at a time but for moments of a move."""
    seen = [one.observed for one in presences if one.wanted and one.remote_id and one.observed]
    return seen[-1] if seen else {}


def _apart(network_id: str, presences: list[Presence]) -> list[str]:
    """Clouds with other ports of its network, where this port was put into another one."""
    key = f"network/{network_id}"
    return [cloud for one in presences if one.wanted for cloud in one.memory.get(APART, {}).get(key, ())]


def status(presences: list[Presence]) -> str:
    """DOWN until a cloud has bound it and when it is gone from there; ERROR where its cloud refuses it as wanted."""
    if documents.is_refused_everywhere(presences):
        return "ERROR"
    if any(one.wanted and one.memory.get("missing") for one in presences):
        return "DOWN"
    return _there(presences).get("status") or "DOWN"


def summarise(resource: Resource, presences: list[Presence]) -> Summary:
    """The port; how it is bound is for admins."""
    # Which server it is for is ours to say, also while somebody has taken it from that there.
    device = resource.desired["device_id"]
    resource = as_found(resource, presences)
    resource.desired["device_id"] = device
    desired, there = resource.desired, _there(presences)
    state = status(presences)
    names = (
        "network_id", "mac_address", "admin_state_up", "device_id", "device_owner", "fixed_ips",
        "allowed_address_pairs", "extra_dhcp_opts", "security_groups", "port_security_enabled",
    )  # fmt: skip
    document: dict[str, Any] = {
        **documents.head(resource),
        **{name: desired[name] for name in names},
        **in_order(desired),
        "status": state,
        "binding:vnic_type": "normal",
        **documents.tail(resource),
        **documents.refused(presences),
    }
    apart = _apart(desired["network_id"], presences)
    if apart:
        document["fractus:reach"] = unreachable(desired["network_id"], apart)
    extra = {
        "binding:host_id": there.get("host", ""),
        "binding:vif_type": there.get("vif_type") or "unbound",
        "binding:vif_details": {},
        "binding:profile": {},
    }
    columns = {
        "network_id": desired["network_id"],
        "network_project_id": desired["network_project_id"],
        "mac_address": desired["mac_address"],
        "device_id": desired["device_id"],
        "device_owner": desired["device_owner"],
        "admin_state_up": desired["admin_state_up"],
        "host": extra["binding:host_id"],
        "fixed_ips": addresses_column(desired["fixed_ips"]),
        "security_groups": documents.among(desired["security_groups"]),
        **documents.columns(resource),
    }
    return Summary(state, document, extra, columns)


def in_order(desired: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of a port that Neutron reads in the order of its keys, whatever order they were given in."""
    return {
        "fixed_ips": sorted(desired["fixed_ips"], key=lambda one: (one["ip_address"], one["subnet_id"])),
        "security_groups": sorted(desired["security_groups"]),
        "allowed_address_pairs": sorted(
            desired["allowed_address_pairs"], key=lambda one: (one["mac_address"], one["ip_address"])
        ),
    }


def addresses_column(fixed_ips: list[dict[str, str]]) -> str:
    """Addresses and subnets in one column."""
    return documents.among([f"{name}={value}" for one in fixed_ips for name, value in one.items()])


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


def bound(presences: list[Presence]) -> str:
    """The type of a port's binding where a cloud has bound it, else empty."""
    vif_type = _there(presences).get("vif_type") or ""
    return "" if vif_type in ("unbound", "binding_failed") else vif_type
