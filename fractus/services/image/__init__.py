"""The face of image: Glance's version documents, errors, and all routes that Glance 33 has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fractus.web.face import Service
from fractus.web.faults import glance, glance_denied, webob_page
from fractus.web.routing import Reply, Route

PREFIX = "/image"
MOUNT = "/v2"

#: What a Glance 33 with several stores and without a cache says that it is.
_VERSIONS = (
    "2.15",
    "2.13",
    "2.12",
    "2.11",
    "2.10",
    "2.9",
    "2.8",
    "2.17",
    "2.7",
    "2.6",
    "2.5",
    "2.4",
    "2.3",
    "2.2",
    "2.1",
    "2.0",
)
_CURRENT = "2.17"


def _entries(base_url: str) -> dict[str, Any]:
    return {
        "versions": [
            {
                "id": f"v{version}",
                "status": "CURRENT" if version == _CURRENT else "SUPPORTED",
                "links": [{"rel": "self", "href": f"{base_url}{MOUNT}/"}],
            }
            for version in _VERSIONS
        ]
    }


def _choices(base_url: str) -> Reply:
    return Reply(300, _entries(base_url))


def _versions(base_url: str) -> Reply:
    return Reply(200, _entries(base_url))


SERVICE = Service(
    type="image",
    prefix=PREFIX,
    mount=MOUNT,
    trailing_slash=False,
    envelope=glance,
    render=webob_page,
    denied=glance_denied,
    documents={"/": _choices, "/versions": _versions},
    json_types=None,
    malformed="Malformed JSON in request body.",
    quota_status=413,
)

#: Every route of Glance 33: path and methods.
_KNOWN: tuple[tuple[str, str], ...] = (
    ("/cache", "GET DELETE"),
    ("/cache/nodes/{image_id}", "GET"),
    ("/cache/{image_id}", "PUT DELETE"),
    ("/images", "GET POST"),
    ("/images/{image_id}", "GET PATCH DELETE"),
    ("/images/{image_id}/actions/deactivate", "POST"),
    ("/images/{image_id}/actions/reactivate", "POST"),
    ("/images/{image_id}/file", "GET PUT"),
    ("/images/{image_id}/import", "POST"),
    ("/images/{image_id}/locations", "GET POST"),
    ("/images/{image_id}/members", "GET POST"),
    ("/images/{image_id}/members/{member_id}", "GET PUT DELETE"),
    ("/images/{image_id}/stage", "PUT"),
    ("/images/{image_id}/tags/{tag}", "PUT DELETE"),
    ("/images/{image_id}/tasks", "GET"),
    ("/info/import", "GET"),
    ("/info/stores", "GET"),
    ("/info/stores/detail", "GET"),
    ("/info/usage", "GET"),
    ("/metadefs/namespaces", "GET POST"),
    ("/metadefs/namespaces/{namespace}", "GET PUT DELETE"),
    ("/metadefs/namespaces/{namespace}/objects", "GET POST DELETE"),
    ("/metadefs/namespaces/{namespace}/objects/{name}", "GET PUT DELETE"),
    ("/metadefs/namespaces/{namespace}/properties", "GET POST DELETE"),
    ("/metadefs/namespaces/{namespace}/properties/{name}", "GET PUT DELETE"),
    ("/metadefs/namespaces/{namespace}/resource_types", "GET POST"),
    ("/metadefs/namespaces/{namespace}/resource_types/{name}", "DELETE"),
    ("/metadefs/namespaces/{namespace}/tags", "GET POST DELETE"),
    ("/metadefs/namespaces/{namespace}/tags/{name}", "GET POST PUT DELETE"),
    ("/metadefs/resource_types", "GET"),
    ("/queued_images/{image_id}", "PUT DELETE"),
    ("/schemas/image", "GET"),
    ("/schemas/images", "GET"),
    ("/schemas/member", "GET"),
    ("/schemas/members", "GET"),
    ("/schemas/metadefs/namespace", "GET"),
    ("/schemas/metadefs/namespaces", "GET"),
    ("/schemas/metadefs/object", "GET"),
    ("/schemas/metadefs/objects", "GET"),
    ("/schemas/metadefs/properties", "GET"),
    ("/schemas/metadefs/property", "GET"),
    ("/schemas/metadefs/resource_type", "GET"),
    ("/schemas/metadefs/resource_types", "GET"),
    ("/schemas/metadefs/tag", "GET"),
    ("/schemas/metadefs/tags", "GET"),
    ("/schemas/task", "GET"),
    ("/schemas/tasks", "GET"),
    ("/stores/{store_id}/{image_id}", "DELETE"),
    ("/tasks", "GET POST"),
    ("/tasks/{task_id}", "GET DELETE"),
)

_FIELD = re.compile(r"\{\w+\}")


def known() -> list[tuple[str, str]]:
    """`(method, path)` of every route."""
    return [(method, path) for path, methods in _KNOWN for method in methods.split()]


def unserved(routes: Iterable[Route]) -> list[tuple[str, str]]:
    """What Glance has and `routes` (all of image's) do not serve; parameters may have other names there."""
    served = {(route.method, _FIELD.sub("{}", route.path)) for route in routes}
    return [row for row in known() if (row[0], _FIELD.sub("{}", row[1])) not in served]
