"""Services and hypervisors as the newest microversion shows them, and what older ones show besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def service(document: Mapping[str, Any], host: str) -> dict[str, Any]:
    """One service. `host`: its host as users see it."""
    return {**{name: value for name, value in document.items() if name != "number"}, "host": host}


def brief(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A hypervisor without details. `name`: as users see it."""
    kept = ("id", "state", "status")
    return {**{field: document[field] for field in kept}, "hypervisor_hostname": name}


def detailed(document: Mapping[str, Any], name: str, host: str, uptime: str | None) -> dict[str, Any]:
    """A hypervisor with all that is known of it. `host`: that of its service, as users see it."""
    kept = ("hypervisor_type", "hypervisor_version", "host_ip")
    of = document["service"]
    return {
        **brief(document, name),
        **{field: document[field] for field in kept},
        "service": {"id": of.get("id"), "host": host, "disabled_reason": of.get("disabled_reason")},
        "uptime": uptime,
    }


def known(document: Mapping[str, Any]) -> dict[str, Any]:
    """What older versions show of one besides: its number, and what it has in use."""
    return {
        "number": int(document["number"]),
        "service_number": (document.get("service") or {}).get("number"),
        "usage": document,
    }


def statistics(documents: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, int]:
    """What all hypervisors whose service is enabled have together, of each of `names`."""
    counted = [one for one in documents if one["status"] == "enabled"]
    return {"count": len(counted), **{name: sum(one[name] or 0 for one in counted) for name in names}}


def servers(names: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Servers of a hypervisor: `(name, id)`."""
    return [{"name": name, "uuid": id} for name, id in names]
