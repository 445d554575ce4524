"""The face of placement: Placement's microversions, version document, errors, and all routes that Placement 16 has.

What there is in the clouds is read, by administrators: every cloud's own Nova writes it, and nobody else should.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fractus.model.errors import Forbidden
from fractus.web.face import Service
from fractus.web.faults import placement
from fractus.web.microversion import Version, VersionRange
from fractus.web.routing import Reply, Route

PREFIX = "/placement"

RANGE = VersionRange(Version(1, 0), Version(1, 39))


def _versions(_base_url: str) -> Reply:
    entry: dict[str, Any] = {
        "id": f"v{RANGE.min}",
        "max_version": str(RANGE.max),
        "min_version": str(RANGE.min),
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return Reply(200, {"versions": [entry]})


def _denied(rule: str) -> Forbidden:
    """Placement's sentence about a policy rule."""
    return Forbidden(f"Policy does not allow {rule} to be performed.")


SERVICE = Service(
    type="placement",
    prefix=PREFIX,
    mount="",
    trailing_slash=False,
    envelope=placement,
    denied=_denied,
    versions=RANGE,
    documents={"/": _versions},
)

#: Every route that Placement has: path, methods.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("/allocation_candidates", "GET"),
    ("/allocations", "POST"),
    ("/allocations/{consumer_uuid}", "GET PUT DELETE"),
    ("/reshaper", "POST"),
    ("/resource_classes", "GET POST"),
    ("/resource_classes/{name}", "GET PUT DELETE"),
    ("/resource_providers", "GET POST"),
    ("/resource_providers/{uuid}", "GET PUT DELETE"),
    ("/resource_providers/{uuid}/aggregates", "GET PUT"),
    ("/resource_providers/{uuid}/allocations", "GET"),
    ("/resource_providers/{uuid}/inventories", "GET POST PUT DELETE"),
    ("/resource_providers/{uuid}/inventories/{resource_class}", "GET PUT DELETE"),
    ("/resource_providers/{uuid}/traits", "GET PUT DELETE"),
    ("/resource_providers/{uuid}/usages", "GET"),
    ("/traits", "GET"),
    ("/traits/{name}", "GET PUT DELETE"),
    ("/usages", "GET"),
)

_FIELD = re.compile(r"\{\w+\}")


def unserved(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """What Placement has and `routes` do not serve: everything that writes."""
    served = {(route.method, _FIELD.sub("{}", route.path)) for route in routes}
    return [
        (method, path)
        for path, methods in _KNOWN
        for method in methods.split()
        if (method, _FIELD.sub("{}", path)) not in served
    ]
