"""Snapshots, declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Index, Integer, String, Text

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model import carried
from fractus.model.resource import Need, Presence, Resource, Summary, as_found, at_home
from fractus.model.volumes import SNAPSHOT as VOCABULARY
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.dialect.kind import (
    Parameter,
    Verb,
    VolumeKind,
    costs,
    equals,
    having,
    own,
    rules_of,
    target,
)
from fractus.services.volume.dialect.view import quota_name, stamps, status_of, tokens
from fractus.services.volume.snapshots import schema

METADATA_GET = RuleDefault(
    "volume:get_snapshot_metadata", CINDER_ADMIN_OR_READER, "See the metadata of a snapshot."
)
METADATA_UPDATE = RuleDefault(
    "volume:update_snapshot_metadata", CINDER_ADMIN_OR_MEMBER, "Change the metadata of a snapshot."
)
METADATA_DELETE = RuleDefault(
    "volume:delete_snapshot_metadata", CINDER_ADMIN_OR_MEMBER, "Remove metadata from a snapshot."
)
_ADMIN = "volume_extension:snapshot_admin_actions"
RESET = RuleDefault(f"{_ADMIN}:reset_status", CINDER_ADMIN, "Say in which state a snapshot is.")
UPDATE_STATUS = RuleDefault(
    "snapshot_extension:snapshot_actions:update_snapshot_status",
    CINDER_ADMIN_OR_MEMBER,
    "Say how far the making of a snapshot is.",
)
FORCE_DELETE = RuleDefault(
    f"{_ADMIN}:force_delete", CINDER_ADMIN, "Delete a snapshot whatever state it is in."
)

FIELDS = named([
    Field(name="name", post=True, put=True, carried=carried.CARRIED),
    Field(name="description", post=True, put=True, carried=carried.CARRIED),
    Field(name="metadata", post=True, carried=carried.CARRIED),
])  # fmt: skip

TABLE = table_of(
    "snapshot", FIELDS,
    Column("volume_id", String(36), nullable=False),
    Column("size", Integer, nullable=False),
    Column("description", String(255), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("items", Text, nullable=False),
    Index("snapshot_by_volume", "volume_id"),
)  # fmt: skip


def summarise(resource: Resource, presences: Sequence[Presence]) -> Summary:
    """How users see it."""
    there = at_home(resource.home, presences)
    desired = as_found(resource, presences).desired
    status = status_of(resource, there)
    document = {
        "id": resource.id,
        **stamps(resource),
        "name": desired["name"],
        "description": desired["description"],
        "volume_id": desired["volume_id"],
        "status": status,
        "size": desired["size"],
        "metadata": desired["metadata"],
        "group_snapshot_id": desired.get("group_snapshot_id"),
        "user_id": resource.user_id,
        "consumes_quota": True,
        "os-extended-snapshot-attributes:project_id": resource.project_id,
        "os-extended-snapshot-attributes:progress": _progress(status, there),
    }
    columns = {
        "volume_id": desired["volume_id"],
        "size": desired["size"],
        "description": (desired["description"] or "")[:255],
        "zone": there.cloud if there is not None else resource.home or "",
        "items": tokens(desired["metadata"]),
    }
    return Summary(status, document, None, columns)


def _progress(status: str, there: Presence | None) -> str:
    """How much of it is done, as its cloud says."""
    said = (there.observed or {}).get("progress") if there is not None else ""
    return str(said) if said and status != "creating" else "100%" if status == "available" else "0%"


def _cost(resource: Resource) -> Mapping[str, int]:
    """A snapshot, and as many gigabytes as its volume had: in all, and of its type."""
    size, name = int(resource.desired["size"]), resource.desired["type_name"]
    of_type = {quota_name(f"snapshots_{name}"): 1, quota_name(f"gigabytes_{name}"): size}
    return {"snapshots": 1, "gigabytes": size, **of_type}


VERBS = {
    "index": Verb(rule=RuleDefault("volume:get_all_snapshots", CINDER_ADMIN_OR_READER, "List snapshots.")),
    "detail": Verb(rule=RuleDefault("volume:get_all_snapshots", CINDER_ADMIN_OR_READER, "List snapshots.")),
    "show": Verb(rule=RuleDefault("volume:get_snapshot", CINDER_ADMIN_OR_READER, "Show a snapshot.")),
    "create": Verb(
        rule=RuleDefault("volume:create_snapshot", CINDER_ADMIN_OR_MEMBER, "Create a snapshot of a volume."),
        status=202, schemas=(("", schema.CREATE),),
    ),
    "update": Verb(
        rule=RuleDefault("volume:update_snapshot", CINDER_ADMIN_OR_MEMBER, "Change a snapshot."),
        schemas=(("", schema.UPDATE),),
    ),
    "delete": Verb(
        rule=RuleDefault("volume:delete_snapshot", CINDER_ADMIN_OR_MEMBER, "Delete a snapshot."), status=202
    ),
}  # fmt: skip

#: What stands in lists, and where one is shown.
_EXTENDED = ("os-extended-snapshot-attributes:project_id", "os-extended-snapshot-attributes:progress")

KIND = VolumeKind(
    name="snapshot",
    collection="snapshots",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Snapshot {} could not be found.",
    listed="id created_at updated_at name description volume_id status size metadata",
    added={"group_snapshot_id": "3.14", "user_id": "3.41", "consumes_quota": "3.65"},
    unborn=_EXTENDED,
    unchanged=_EXTENDED,
    filters={
        **{name: equals(name) for name in ("name", "status", "volume_id", "id", "user_id")},
        "display_name": equals("name"),
        "availability_zone": equals("zone"),
        "metadata": Parameter(lambda text: having("items", text), "3.22"),
    },
    open_filters=("name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"),
    sorts={
        **{name: name for name in (
            "id", "name", "status", "created_at", "updated_at", "volume_id", "user_id", "project_id",
        )},
        "display_name": "name", "display_description": "description", "volume_size": "size",
    },
    counted=True,
    scope=own,
    target=target,
    rules=rules_of(VERBS, METADATA_GET, METADATA_UPDATE, METADATA_DELETE, RESET, FORCE_DELETE, UPDATE_STATUS),
    costs=costs(("snapshots", "gigabytes"), _cost, "snapshot"),
    needs=lambda resource: [Need("volume", resource.desired["volume_id"])],
    vocabulary=VOCABULARY,
)  # fmt: skip
