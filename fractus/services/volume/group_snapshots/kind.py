"""Snapshots of groups, declared: one snapshot of each volume, made at once. `desired["snapshots"]` are their ids."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, String

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model.resource import CARRY_ASYNC, Need, Presence, Resource, Summary
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import Verb, VolumeKind, equals, own, rules_of, target
from fractus.services.volume.group_snapshots import schema

RESET = RuleDefault("group:reset_group_snapshot_status", CINDER_ADMIN, "Say in which state one is.")
PROJECT = RuleDefault(
    "group:group_snapshot_project_attribute", CINDER_ADMIN, "See whose a snapshot of a group is."
)

FIELDS = named([Field(name="name", post=True), Field(name="description", post=True)])

TABLE = table_of("group_snapshot", FIELDS, Column("group_id", String(36), nullable=False))


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How users see it."""
    desired = resource.desired
    status = desired["status"]
    if not resource.wanted:
        status = "deleted" if resource.deleted_at is not None else "deleting"
    document = {
        "id": resource.id,
        "group_id": desired["group_id"],
        "group_type_id": desired["group_type"],
        "status": status,
        "created_at": iso_micro(resource.created_at),
        "name": desired["name"],
        "description": desired["description"],
    }
    return Summary(status, document, {"project_id": resource.project_id}, {"group_id": desired["group_id"]})


_SINCE = "3.14"
_LIST = RuleDefault("group:get_all_group_snapshots", CINDER_ADMIN_OR_READER, "List snapshots of groups.")
VERBS = {
    "index": Verb(rule=_LIST, since=_SINCE),
    "detail": Verb(rule=_LIST, since=_SINCE),
    "show": Verb(
        rule=RuleDefault("group:get_group_snapshot", CINDER_ADMIN_OR_READER, "Show a snapshot of a group."),
        since=_SINCE,
    ),
    "create": Verb(
        rule=RuleDefault("group:create_group_snapshot", CINDER_ADMIN_OR_MEMBER, "Create a snapshot of a group."),
        status=202, since=_SINCE, schemas=(("", schema.CREATE),),
    ),
    "delete": Verb(
        rule=RuleDefault("group:delete_group_snapshot", CINDER_ADMIN_OR_MEMBER, "Delete a snapshot of a group."),
        status=202, since=_SINCE,
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="group_snapshot",
    collection="group_snapshots",
    path="group_snapshots",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="GroupSnapshot {} could not be found.",
    listed="id name",
    links="group_snapshot_links",
    added={"project_id": "3.58"},
    filters={name: equals(name) for name in ("name", "status", "group_id", "id", "user_id")},
    open_filters=("name", "status", "group_id"),
    sorts={
        name: name
        for name in ("id", "name", "status", "created_at", "updated_at", "user_id", "project_id", "group_id")
    },
    read_rules={"project_id": PROJECT.name},
    scope=own,
    target=target,
    rules=rules_of(VERBS, RESET, PROJECT),
    needs=lambda resource: [Need("volume_group", resource.desired["group_id"], mode=CARRY_ASYNC)],
)
