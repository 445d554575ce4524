"""How users see a network."""

from __future__ import annotations

from typing import Any

from fractus.model.resource import Presence, Resource, Summary, as_found
from fractus.services.network.dialect import view as documents

#: What Neutron says of a VXLAN network in the usual set-up; told until a cloud has said its own.
DEFAULT_MTU = 1450


def mtu(resource: Resource, presences: list[Presence]) -> int:
    """The wished one, or the smallest that any of its clouds has: what fits through everywhere."""
    wished = int(resource.desired["mtu"])
    if wished:
        return wished
    known = [seen["mtu"] for one in presences if (seen := one.observed) and seen.get("mtu")]
    return min(known, default=DEFAULT_MTU)


def summarise(resource: Resource, presences: list[Presence]) -> Summary:
    """A network is ACTIVE as soon as it is asked for, as in Neutron, unless every cloud that should have it refuses."""
    resource = as_found(resource, presences)
    desired = resource.desired
    there = [one for one in presences if one.wanted and one.remote_id is not None]
    size = mtu(resource, there)
    status = "ERROR" if documents.is_refused_everywhere(presences) else "ACTIVE"
    document: dict[str, Any] = {
        **documents.head(resource),
        "admin_state_up": desired["admin_state_up"],
        "mtu": size,
        "status": status,
        "subnets": sorted(desired["subnets"]),
        "shared": desired["shared"],
        "availability_zone_hints": desired["availability_zone_hints"],
        "availability_zones": sorted(one.cloud for one in there),
        "router:external": desired["router:external"],
        "port_security_enabled": desired["port_security_enabled"],
        **documents.tail(resource),
        **documents.refused(presences),
    }
    columns = {
        "shared": desired["shared"],
        "external": desired["router:external"],
        "admin_state_up": desired["admin_state_up"],
        "mtu": size,
        "hints": ",".join(desired["availability_zone_hints"]),
        **documents.columns(resource),
    }
    return Summary(status, document, columns=columns)


def target(resource: Resource) -> dict[str, Any]:
    """The network as policy rules know it."""
    return {
        "id": resource.id,
        "project_id": resource.project_id,
        "tenant_id": resource.project_id,
        "shared": resource.desired["shared"],
        "router:external": resource.desired["router:external"],
        "network:project_id": resource.project_id,
    }
