"""How users see a security group and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fractus.base.clock import iso
from fractus.base.ids import derived_id
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.network.dialect import view as documents

DEFAULT = "default"
DEFAULT_DESCRIPTION = "Default security group"

_COPIED = (
    "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix",
    "normalized_cidr", "remote_group_id",
)  # fmt: skip


def default_id(project_id: str) -> str:
    """The id of a project's default group: the same always, so that two who make it at once make one."""
    return derived_id("security_group", project_id, DEFAULT)


def is_default(group: Resource) -> bool:
    """Whether it is its project's default group."""
    return group.id == default_id(group.project_id)


def rule_document(group: Resource, rule: Mapping[str, Any]) -> dict[str, Any]:
    """One rule."""
    stamp = iso(rule["created_at"])
    return {
        "id": rule["id"],
        "tenant_id": group.project_id,
        "project_id": group.project_id,
        "security_group_id": group.id,
        **{name: rule[name] for name in _COPIED},
        "remote_address_group_id": None,
        "belongs_to_default_sg": is_default(group),
        "description": rule["description"],
        "created_at": stamp,
        "updated_at": stamp,
        "revision_number": 0,
    }


def rule_row(group: Resource, rule: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a rule in the table of rules."""
    texts = ("protocol", "remote_ip_prefix", "normalized_cidr", "remote_group_id", "description")
    ports = ("port_range_min", "port_range_max")
    return {
        "id": rule["id"],
        "project_id": group.project_id,
        "security_group_id": group.id,
        "direction": rule["direction"],
        "ethertype": rule["ethertype"],
        **{name: rule[name] or "" for name in texts},
        **{name: -1 if rule[name] is None else rule[name] for name in ports},
        "belongs_to_default_sg": is_default(group),
        "revision": 0,
        "created_at": rule["created_at"],
        "summary": msgspec.json.encode(rule_document(group, rule)),
    }


def summarise(resource: Resource, presences: list[Presence]) -> Summary:
    """The group with its rules."""
    desired = resource.desired
    document: dict[str, Any] = {
        **documents.head(resource),
        "stateful": desired["stateful"],
        "shared": bool(desired.get("shared")),
        "security_group_rules": [
            rule_document(resource, rule) for rule in sorted(desired["rules"], key=lambda one: str(one["id"]))
        ],
        **documents.tail(resource),
        **documents.refused(presences),
    }
    columns = {
        "stateful": desired["stateful"],
        "shared": bool(desired.get("shared")),
        **documents.columns(resource),
    }
    return Summary("", document, columns=columns)


def target(resource: Resource) -> dict[str, Any]:
    """The group as policy rules know it."""
    return {
        "id": resource.id,
        "project_id": resource.project_id,
        "tenant_id": resource.project_id,
        "shared": bool(resource.desired.get("shared")),
        "shared_with": resource.desired.get("shared_with"),
        "security_group:project_id": resource.project_id,
    }
