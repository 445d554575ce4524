"""How users see a subnet."""

from __future__ import annotations

from typing import Any

from fractus.model.resource import Presence, Resource, Summary, as_found
from fractus.services.network.dialect import view as documents

#: Neutron counts the changes of a subnet from 0, those of all else from 1.
_BORN = 0

_COLUMNS = ("gateway_ip", "ipv6_ra_mode", "ipv6_address_mode")


def summarise(resource: Resource, presences: list[Presence]) -> Summary:
    """The whole subnet, as if there were one cloud: how its addresses are dealt out among clouds is not shown."""
    resource = as_found(resource, presences)
    desired = resource.desired
    names = (
        "network_id", "ip_version", "enable_dhcp", "ipv6_ra_mode", "ipv6_address_mode",
        "gateway_ip", "cidr", "allocation_pools", "host_routes", "dns_nameservers",
    )  # fmt: skip
    document: dict[str, Any] = {
        **documents.head(resource),
        **{name: desired[name] for name in names},
        "host_routes": sorted(desired["host_routes"], key=lambda one: (one["destination"], one["nexthop"])),
        "subnetpool_id": desired.get("subnetpool_id"),
        **documents.tail(resource, born=_BORN),
        **documents.refused(presences),
    }
    columns = {
        **{name: desired[name] or "" for name in _COLUMNS},
        **{name: desired[name] for name in ("network_id", "ip_version", "cidr", "enable_dhcp")},
        "shared": desired["shared"],
        "network_project_id": desired["network_project_id"],
        "subnetpool_id": desired.get("subnetpool_id") or "",
        **documents.columns(resource, born=_BORN),
    }
    return Summary("", document, columns=columns)


def target(resource: Resource) -> dict[str, Any]:
    """The subnet as policy rules know it."""
    return {
        "id": resource.id,
        "project_id": resource.project_id,
        "tenant_id": resource.project_id,
        "shared": resource.desired["shared"],
        "shared_with": resource.desired.get("shared_with"),
        "network:project_id": resource.desired["network_project_id"],
    }
