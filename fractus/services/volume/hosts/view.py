"""Services, hosts, pools and clusters as Cinder shows them (cinder.api.v3.services, .views.clusters,
cinder.api.contrib.hosts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What a service of this program shows besides: it has a back end.
BACKENDS = "cinder-volume"

_REPLICATION = ("replication_status", "active_backend_id", "frozen")


def service(
    document: Mapping[str, Any], host: str, cluster: Any, *, backend_state: bool, clustered: bool
) -> dict[str, Any]:
    """One service. `host`, `cluster`: as users see their names; what else is shown depends on the version."""
    kept = ("zone", "status", "state", "updated_at")
    of_backend = document["binary"] == BACKENDS
    shown = {
        "binary": document["binary"],
        "host": host,
        **{name: document[name] for name in kept},
    }
    if backend_state and of_backend:
        shown["backend_state"] = document["backend_state"]
    if clustered:
        shown["cluster"] = cluster
    shown["disabled_reason"] = document["disabled_reason"]
    if of_backend:
        shown |= {name: document[name] for name in _REPLICATION}
    return shown


def host(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A service as a host shows it. `name`: as users see it."""
    return {
        "host_name": name,
        "service": document["binary"],
        "zone": document["zone"],
        "service-status": "available" if document["state"] == "up" else "unavailable",
        "service-state": document["status"],
        "last-update": document["updated_at"],
    }


def pool(document: Mapping[str, Any], name: str, *, detail: bool) -> dict[str, Any]:
    """One pool. `name`: as users see it."""
    return {"name": name, **({"capabilities": document["capabilities"]} if detail else {})}


def cluster(document: Mapping[str, Any], name: str, *, detail: bool, replication: bool) -> dict[str, Any]:
    """One cluster. `name`: as users see it; `replication`: whether its version tells of that."""
    brief = ("binary", "state", "status")
    more = ("num_hosts", "num_down_hosts", "last_heartbeat", "created_at", "updated_at", "disabled_reason")
    shown = {"name": name, **{one: document[one] for one in brief}}
    if replication:
        shown["replication_status"] = document["replication_status"]
    if detail:
        shown |= {one: document[one] for one in more}
        if replication:
            shown |= {one: document[one] for one in ("frozen", "active_backend_id")}
    return shown
