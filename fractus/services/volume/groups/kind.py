"""Groups of volumes, declared.

A group is ours: its volumes are all in one cloud (`desired["zone"]`, that of the first), and what is done to a group is
done to each of them, as Cinder does for back ends that know nothing of groups. `desired["volumes"]` are the ids of its
volumes, `desired["status"]` its state but for its end.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, String

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model.resource import CARRY_ASYNC, Need, Presence, Resource, Summary
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import (
    Parameter,
    Verb,
    VolumeKind,
    costs,
    equals,
    own,
    rules_of,
    target,
)
from fractus.services.volume.groups import schema

DELETE = RuleDefault("group:delete", CINDER_ADMIN_OR_MEMBER, "Delete a group of volumes.")
RESET = RuleDefault("group:reset_status", CINDER_ADMIN, "Say in which state a group of volumes is.")
PROJECT = RuleDefault("group:group_project_attribute", CINDER_ADMIN, "See whose a group of volumes is.")

#: What a group type can ask of back ends, and no group of ours gives: such a group ends in error, as one does for which
#: Cinder finds no back end.
UNSERVED = (
    "consistent_group_snapshot_enabled",
    "group_replication_enabled",
    "consistent_group_replication_enabled",
)

FIELDS = named([Field(name="name", post=True, put=True), Field(name="description", post=True, put=True)])

TABLE = table_of(
    "volume_group", FIELDS,
    Column("zone", String(64), nullable=False),
    Column("group_type", String(36), nullable=False),
)  # fmt: skip


def summarise(resource: Resource, _presences: Sequence[Presence]) -> Summary:
    """How users see it."""
    desired = resource.desired
    status = desired["status"]
    if not resource.wanted:
        status = "deleted" if resource.deleted_at is not None else "deleting"
    document = {
        "id": resource.id,
        "status": status,
        # A text always: nothing in it where its first volume is still to decide.
        "availability_zone": desired["zone"],
        "created_at": iso_micro(resource.created_at),
        "name": desired["name"],
        "description": desired["description"],
        "group_type": desired["group_type"],
        "volume_types": desired["volume_types"],
        "group_snapshot_id": desired["group_snapshot_id"],
        "source_group_id": desired["source_group_id"],
        "volumes": desired["volumes"],
        "replication_status": "disabled",
    }
    columns = {"zone": desired["zone"], "group_type": desired["group_type"]}
    return Summary(status, document, {"project_id": resource.project_id}, columns)


def needs(resource: Resource) -> list[Need]:
    """Its types stay as long as it does; nothing is brought anywhere for it."""
    desired = resource.desired
    types = [Need("volume_type", id, mode=CARRY_ASYNC) for id in desired["volume_types"]]
    return [Need("group_type", desired["group_type"], mode=CARRY_ASYNC), *types]


_SINCE = "3.13"
_LIST = RuleDefault("group:get_all", CINDER_ADMIN_OR_READER, "List groups of volumes.")
VERBS = {
    "index": Verb(rule=_LIST, since=_SINCE),
    "detail": Verb(rule=_LIST, since=_SINCE),
    "show": Verb(
        rule=RuleDefault("group:get", CINDER_ADMIN_OR_READER, "Show a group of volumes."), since=_SINCE
    ),
    "create": Verb(
        rule=RuleDefault("group:create", CINDER_ADMIN_OR_MEMBER, "Create a group of volumes."),
        status=202, since=_SINCE, schemas=(("", schema.CREATE),),
    ),
    "update": Verb(
        rule=RuleDefault("group:update", CINDER_ADMIN_OR_MEMBER, "Change a group of volumes, and which are in it."),
        status=202, since=_SINCE, schemas=(("", schema.UPDATE),),
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="volume_group",
    resource="group",
    collection="groups",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Group {} could not be found.",
    listed="id name",
    links="group_links",
    brief=True,
    added={
        "group_snapshot_id": "3.14", "source_group_id": "3.14", "volumes": "3.25", "replication_status": "3.38",
        "project_id": "3.58",
    },
    filters={
        **{name: equals(name) for name in ("name", "status", "id", "user_id")},
        "availability_zone": equals("zone"),
        "group_type": equals("group_type"),
        # What is shown, and not what is found.
        "list_volume": Parameter(lambda _text: ()),
    },
    open_filters=("name", "list_volume"),
    sorts={
        **{name: name for name in ("id", "name", "status", "created_at", "updated_at", "user_id", "project_id")},
        "availability_zone": "zone", "group_type_id": "group_type",
    },
    read_rules={"project_id": PROJECT.name},
    scope=own,
    target=target,
    rules=rules_of(VERBS, DELETE, RESET, PROJECT),
    costs=costs(("groups",), lambda _resource: {"groups": 1}, "group"),
    needs=needs,
)  # fmt: skip
