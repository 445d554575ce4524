"""Aggregates, declared. A cloud has none of them: they are what administrators say here of the hosts of all clouds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Column, String

from fractus.auth.base_rules import NOVA_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.compute.aggregates import schema
from fractus.services.compute.dialect.kind import ComputeKind, Verb, rules_of
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.fields import ComputeField as Field
from fractus.services.compute.dialect.view import soft_deleted
from fractus.services.field import named
from fractus.services.kind import table_of

_ROOT = "os_compute_api:os-aggregates"

FIELDS = named([
    Field("name", post=True, put=True, convert=str.strip, check=values.name()),
    Field("availability_zone", post=True, put=True, default=None, check=schema.check_zone),
])  # fmt: skip


def number_of(resource: Resource) -> int:
    """The integer by which users know it: of 48 bits, made of its UUID, so no two that were ever made have the same."""
    return UUID(resource.id).int >> 80


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How administrators see it. Hosts are shown by the names that they have when it is read (`hosts` beside it)."""
    desired, gone = resource.desired, resource.deleted_at is not None
    changed = desired["changed_at"]
    number = number_of(resource)
    document = {
        **soft_deleted(resource.created_at),
        "updated_at": None if changed is None else iso_micro(changed // 1),
        "id": number,
        "uuid": resource.id,
        "name": desired["name"],
        "hosts": [],
        "metadata": desired["metadata"],
        schema.ZONE: desired["metadata"].get(schema.ZONE),
    }
    row = {"live": None if gone else str(number), "live_name": None if gone else desired["name"]}
    return Summary("", document, {"hosts": desired["hosts"]}, row)


def _rule(name: str, description: str) -> RuleDefault:
    return RuleDefault(f"{_ROOT}:{name}", NOVA_ADMIN, description)


ADD_HOST = _rule("add_host", "Add a host to an aggregate.")
REMOVE_HOST = _rule("remove_host", "Remove a host from an aggregate.")
SET_METADATA = _rule("set_metadata", "Create or replace metadata of an aggregate.")
IMAGES = RuleDefault("compute:aggregates:images", NOVA_ADMIN, "Have images cached for an aggregate.")

VERBS = {
    "index": Verb(rule=_rule("index", "List the aggregates."), strict="2.102"),
    "create": Verb(rule=_rule("create", "Create an aggregate.")),
    "show": Verb(rule=_rule("show", "Show an aggregate."), strict="2.102"),
    "update": Verb(rule=_rule("update", "Change the name or the zone of an aggregate.")),
    "delete": Verb(rule=_rule("delete", "Delete an aggregate.")),
}

_NAMES = "availability_zone created_at deleted deleted_at id name updated_at uuid"

KIND = ComputeKind(
    name="aggregate",
    collection="aggregates",
    path="os-aggregates",
    key="id",
    fields=FIELDS,
    table=table_of(
        "aggregate", FIELDS,
        Column("live", String(32), nullable=True, unique=True),
        Column("live_name", String(255), nullable=True, unique=True),
    ),
    marked_by="created_at",
    summarise=summarise,
    listed=f"{_NAMES} hosts metadata",
    created=_NAMES,
    missing="Aggregate {} could not be found.",
    taken="Aggregate {name} already exists.",
    verbs=VERBS,
    rules=rules_of(VERBS, ADD_HOST, REMOVE_HOST, SET_METADATA, IMAGES),
)  # fmt: skip
