"""An image as Glance 2.17 shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fractus.base.clock import iso
from fractus.model.resource import Presence, Resource, Summary

#: Fields that the user sets, beside tags and properties.
FIELDS = (
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "protected",
    "min_ram",
    "min_disk",
    "os_hidden",
)
#: Fields that the bits tell.
_LEARNT = ("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")


#: What our own store is called beside those of the clouds.
HERE = "fractus"


def stores(resource: Resource, presences: Sequence[Presence]) -> list[str]:
    """Where the whole bits of an image are: here, and in the clouds that have a copy."""
    copies = [
        one.cloud
        for one in presences
        if one.remote_id and one.wanted and (one.observed or {}).get("status") == "active"
    ]
    return [*([HERE] if resource.desired["path"] else []), *copies]


def document(resource: Resource, presences: Sequence[Presence] = ()) -> dict[str, Any]:
    """The whole document. Properties come first and lose against fields of the same name, as in Glance."""
    desired = resource.desired
    href = f"/v2/images/{resource.id}"
    where = stores(resource, presences) if resource.status in ("active", "deactivated") else []
    return {
        **desired.get("importing", {}),
        **desired["properties"],
        **{name: desired[name] for name in FIELDS},
        **{name: desired[name] for name in _LEARNT},
        "status": resource.status,
        "owner": resource.project_id or None,
        "id": resource.id,
        "created_at": iso(resource.created_at),
        "updated_at": iso(resource.updated_at),
        "tags": desired["tags"],
        "self": href,
        "file": f"{href}/file",
        "schema": "/v2/schemas/image",
        **({"stores": ",".join(sorted(where))} if where else {}),
    }


def token(*parts: str) -> str:
    """A word for the column of tokens: the same for the same parts, of letters that mean nothing to LIKE."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
    return f" {parts[0]}-{digest} "


def tokens(desired: Mapping[str, Any]) -> str:
    """All words of an image."""
    words = [token("tag", tag) for tag in desired["tags"]]
    words += [token("property", name, value) for name, value in desired["properties"].items()]
    if desired["visibility"] == "shared":
        for project, status in desired["members"].items():
            words += [token("member", project), token("member", project, status)]
    return "".join(words)


def summarise(resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
    """An image as it is kept."""
    desired = resource.desired
    columns = {
        "visibility": desired["visibility"],
        "disk_format": desired["disk_format"] or "",
        "container_format": desired["container_format"] or "",
        "size": -1 if desired["size"] is None else desired["size"],
        "virtual_size": -1 if desired["virtual_size"] is None else desired["virtual_size"],
        "checksum": desired["checksum"] or "",
        "os_hash_value": desired["os_hash_value"] or "",
        "min_disk": desired["min_disk"],
        "min_ram": desired["min_ram"],
        "protected": desired["protected"],
        "os_hidden": desired["os_hidden"],
        "tokens": tokens(desired),
    }
    return Summary(resource.status, document(resource, presences), None, columns)


def member(image_id: str, project: str, status: str, times: Sequence[float]) -> dict[str, Any]:
    """One project that an image is shared with."""
    return {
        "member_id": project,
        "image_id": image_id,
        "status": status,
        "created_at": iso(times[0]),
        "updated_at": iso(times[1]),
        "schema": "/v2/schemas/member",
    }


def target(resource: Resource, project_id: str) -> dict[str, Any]:
    """An image as policy sees it; `member_id` is the caller where it was shared with them."""
    desired = resource.desired
    shared = desired["visibility"] == "shared" and project_id != resource.project_id
    return {
        "project_id": resource.project_id or None,
        "owner": resource.project_id or None,
        "visibility": desired["visibility"],
        "member_id": project_id if shared else None,
        "image_id": resource.id,
    }
