"""A flavor as Nova 2.104 shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fractus.model.resource import Presence, Resource, Summary
from fractus.services.compute.dialect.view import STORED, links


def document(flavorid: str, desired: Mapping[str, Any]) -> dict[str, Any]:
    """The newest document."""
    return {
        "id": flavorid,
        "name": desired["name"],
        "ram": desired["ram"],
        "disk": desired["disk"],
        "swap": desired["swap"],
        "OS-FLV-EXT-DATA:ephemeral": desired["ephemeral"],
        "vcpus": desired["vcpus"],
        "os-flavor-access:is_public": desired["is_public"],
        "links": links(STORED, "flavors", flavorid),
        "description": desired["description"],
        "extra_specs": desired["extra_specs"],
    }


def older(desired: Mapping[str, Any]) -> dict[str, Any]:
    """What only versions before 2.102 show."""
    return {"OS-FLV-DISABLED:disabled": desired["disabled"], "rxtx_factor": desired["rxtx_factor"]}


def flavorid(resource: Resource) -> str:
    """What users call it."""
    name: str = resource.desired.get("flavorid", resource.id)
    return name


def summarise(resource: Resource, presences: Sequence[Presence] = ()) -> Summary:
    """A flavor as it is kept: the newest document, what older versions show besides, and the columns.

    In which clouds it is changes nothing for users.
    """
    desired = resource.desired
    gone = resource.deleted_at is not None
    columns = {
        "flavorid": flavorid(resource),
        "live_id": None if gone else flavorid(resource),
        "live_name": None if gone else desired["name"],
        "vcpus": desired["vcpus"],
        "ram": desired["ram"],
        "disk": desired["disk"],
        "ephemeral": desired["ephemeral"],
        "swap": desired["swap"],
        "rxtx_factor": desired["rxtx_factor"],
        "is_public": desired["is_public"],
        "disabled": desired["disabled"],
        "description": (desired["description"] or "")[:255],
        "access": "".join(f"|{project}|" for project in desired["access"]),
    }
    return Summary("", document(flavorid(resource), desired), older(desired), columns)


class _Brief(msgspec.Struct):
    """The fields of a list without detail; left as the bytes that they are."""

    id: msgspec.Raw
    name: msgspec.Raw
    links: msgspec.Raw
    description: msgspec.Raw


_brief = msgspec.json.Decoder(_Brief)


def brief(summary: bytes) -> bytes:
    """A stored document, cut down to what a list without detail shows."""
    return msgspec.json.encode(_brief.decode(summary))


def access(flavorid: str, projects: list[str]) -> dict[str, Any]:
    """Who may use a private flavor."""
    return {"flavor_access": [{"flavor_id": flavorid, "tenant_id": project} for project in projects]}
