"""Metadata definitions as Glance shows them. What is not said is not shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fractus.base.clock import iso
from fractus.model.resource import Resource, Summary

_ROOT = "/v2/metadefs/namespaces"
_FIELDS = ("namespace", "display_name", "description", "visibility", "protected", "owner")


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _stamped(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part with its times as texts."""
    times = {name: iso(part[name]) for name in ("created_at", "updated_at") if name in part}
    return {**_said(part), **times}


def listed(resource: Resource) -> dict[str, Any]:
    """A namespace in a list: without what it defines."""
    desired = resource.desired
    types = [_stamped(one) for one in desired["resource_type_associations"]]
    return {
        **_said({name: desired[name] for name in _FIELDS}),
        "created_at": iso(resource.created_at),
        "updated_at": iso(resource.updated_at),
        **({"resource_type_associations": types} if types else {}),
        "self": f"{_ROOT}/{resource.id}",
        "schema": "/v2/schemas/metadefs/namespace",
    }


def plain(resource: Resource) -> dict[str, Any]:
    """A namespace that was changed: itself alone."""
    return {name: value for name, value in listed(resource).items() if name != "resource_type_associations"}


def whole(resource: Resource, prefix: str = "") -> dict[str, Any]:
    """A namespace with all that it defines. `prefix` stands before the name of each property."""
    desired = resource.desired
    parts: dict[str, Any] = {
        "properties": {prefix + name: one for name, one in desired["properties"].items()},
        "objects": [_prefixed(object_(resource.id, read_object(one)), prefix) for one in desired["objects"]],
        "tags": [{"name": one["name"]} for one in desired["tags"]],
    }
    return {**listed(resource), **{name: part for name, part in parts.items() if part}}


def _prefixed(document: dict[str, Any], prefix: str) -> dict[str, Any]:
    if prefix:
        if "properties" in document:
            document["properties"] = {prefix + name: one for name, one in document["properties"].items()}
        if document.get("required"):
            document["required"] = [prefix + name for name in document["required"]]
    return document


def read_object(part: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it is read: what was never said is empty there."""
    return {**part, "required": part["required"] or [], "properties": part["properties"] or {}}


def object_(namespace: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """One object."""
    href = f"{_ROOT}/{namespace}/objects/{part['name']}"
    return {**_stamped(part), "self": href, "schema": "/v2/schemas/metadefs/object"}


def property_(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """One property."""
    return {"name": name, **part}


def part(given: Mapping[str, Any]) -> dict[str, Any]:
    """A tag, or an association."""
    return _stamped(given)


def resource_type(name: str, created: float, updated: float) -> dict[str, Any]:
    """A type of resources."""
    return {"name": name, "created_at": iso(created), "updated_at": iso(updated)}


def word(name: str) -> str:
    """A type of resources as a word that means nothing to LIKE."""
    return f" {hashlib.sha256(name.encode()).hexdigest()[:24]} "


def summarise(resource: Resource) -> Summary:
    """A namespace as it is kept."""
    desired = resource.desired
    columns = {
        "display_name": desired["display_name"] or "",
        "visibility": desired["visibility"],
        "protected": desired["protected"],
        "owner": desired["owner"] or "",
        "types": "".join(word(one["name"]) for one in desired["resource_type_associations"]),
    }
    return Summary("", listed(resource), None, columns)


def target(resource: Resource) -> dict[str, Any]:
    """A namespace as policy sees it."""
    return {"project_id": resource.desired["owner"], "visibility": resource.desired["visibility"]}


def summarise_type(resource: Resource) -> Summary:
    """A type of resources as it is kept."""
    return Summary("", resource_type(resource.id, resource.created_at, resource.updated_at))
