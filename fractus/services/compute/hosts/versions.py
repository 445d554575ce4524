"""How services and hypervisors changed from version to version (nova.api.openstack.compute.services, .hypervisors)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fractus.services.compute.hosts import USAGE
from fractus.web.microversion import (
    Behaviour,
    Document,
    FieldAdded,
    FieldRemoved,
    QueryAdded,
    Reshaped,
    RouteRemoved,
    Row,
    Version,
    VersionTable,
)

V = Version

#: The last version that numbers services and hypervisors, and the first that names them by UUIDs.
NUMBERED, NAMED = V(2, 52), V(2, 53)

#: The last version that has hosts.
HOSTS = V(2, 42)

#: The last version that tells what hypervisors have in use, and the first that does not.
USED, UNUSED = V(2, 87), V(2, 88)


def _numbers(document: Document, known: Mapping[str, Any]) -> Document:
    """2.53: before it, ids were integers."""
    document["id"] = known["number"]
    if "service" in document:
        document["service"] = {**document["service"], "id": known["service_number"]}
    return document


def _cpu_as_text(document: Document, _known: Mapping[str, Any]) -> Document:
    """2.28: before it, the CPU stood as JSON in a text."""
    if "cpu_info" in document:
        document["cpu_info"] = json.dumps(document["cpu_info"]) if document["cpu_info"] else ""
    return document


def _used(name: str) -> FieldRemoved:
    return FieldRemoved(UNUSED, name, value=lambda _document, known: known["usage"].get(name))


#: A service.
SERVICE = VersionTable([FieldAdded(V(2, 11), "forced_down"), Reshaped(NAMED, down=_numbers)])

#: A hypervisor without details.
BRIEF = VersionTable([Reshaped(NAMED, down=_numbers)])

_DETAILED: tuple[Row, ...] = (
    Reshaped(V(2, 28), down=_cpu_as_text),
    Reshaped(NAMED, down=_numbers),
    *(_used(name) for name in (*USAGE, "cpu_info")),
    FieldAdded(UNUSED, "uptime"),
)

#: A hypervisor with details.
DETAILED = VersionTable(_DETAILED)

_HOST_ROUTES = (
    ("GET", "/os-hosts"),
    ("GET", "/os-hosts/{host}"),
    ("PUT", "/os-hosts/{host}"),
    ("GET", "/os-hosts/{host}/reboot"),
    ("GET", "/os-hosts/{host}/shutdown"),
    ("GET", "/os-hosts/{host}/startup"),
)

REQUESTS = VersionTable(
    [
        Behaviour(V(2, 11), "forced_down"),
        Behaviour(V(2, 33), "pages"),
        Behaviour(NAMED, "named"),
        QueryAdded(NAMED, "hypervisor_hostname_pattern"),
        QueryAdded(NAMED, "with_servers"),
        Behaviour(V(2, 75), "strict"),
        Behaviour(V(2, 75), "servers_always"),
        Behaviour(V(2, 102), "strict_audit"),
        *(RouteRemoved(V(2, 43), method, path) for method, path in _HOST_ROUTES),
        RouteRemoved(NAMED, "GET", "/os-hypervisors/{id}/search"),
        RouteRemoved(NAMED, "GET", "/os-hypervisors/{id}/servers"),
        RouteRemoved(UNUSED, "GET", "/os-hypervisors/{id}/uptime"),
        RouteRemoved(UNUSED, "GET", "/os-hypervisors/statistics"),
    ]
)
