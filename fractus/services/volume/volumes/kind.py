"""Volumes, declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Index, Integer, String, Text

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.model import carried
from fractus.model.errors import Invalid
from fractus.model.resource import CARRY_ASYNC, IF_PRESENT, Need, Resource
from fractus.model.volumes import NAMED_BY_HINTS
from fractus.model.volumes import VOLUME as VOCABULARY
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
from fractus.services.volume.dialect.view import quota_name
from fractus.services.volume.volumes import schema, view

METADATA_GET = RuleDefault(
    "volume:get_volume_metadata", CINDER_ADMIN_OR_READER, "See the metadata of a volume."
)
METADATA_CREATE = RuleDefault(
    "volume:create_volume_metadata", CINDER_ADMIN_OR_MEMBER, "Add metadata to a volume."
)
METADATA_UPDATE = RuleDefault(
    "volume:update_volume_metadata", CINDER_ADMIN_OR_MEMBER, "Change the metadata of a volume."
)
METADATA_DELETE = RuleDefault(
    "volume:delete_volume_metadata", CINDER_ADMIN_OR_MEMBER, "Remove metadata from a volume."
)
_IMAGE = "volume_extension:volume_image_metadata"
IMAGE_SHOW = RuleDefault(f"{_IMAGE}:show", CINDER_ADMIN_OR_READER, "See what a volume says of its image.")
IMAGE_SET = RuleDefault(f"{_IMAGE}:set", CINDER_ADMIN_OR_MEMBER, "Change what a volume says of its image.")
IMAGE_REMOVE = RuleDefault(
    f"{_IMAGE}:remove", CINDER_ADMIN_OR_MEMBER, "Remove what a volume says of its image."
)
FROM_IMAGE = RuleDefault("volume:create_from_image", CINDER_ADMIN_OR_MEMBER, "Create a volume from an image.")
FORCE_DELETE = RuleDefault("volume:force_delete", CINDER_ADMIN, "Delete a volume whatever state it is in.")
_ADMIN = "volume_extension:volume_admin_actions"
ADMIN_FORCE = RuleDefault(f"{_ADMIN}:force_delete", CINDER_ADMIN, "Delete a volume whatever state it is in.")
RESET = RuleDefault(f"{_ADMIN}:reset_status", CINDER_ADMIN, "Say in which state a volume is.")
EXTEND = RuleDefault("volume:extend", CINDER_ADMIN_OR_MEMBER, "Grow a volume.")
EXTEND_ATTACHED = RuleDefault(
    "volume:extend_attached_volume", CINDER_ADMIN_OR_MEMBER, "Grow a volume that a server has."
)
READONLY = RuleDefault(
    "volume:update_readonly_flag", CINDER_ADMIN_OR_MEMBER, "Say whether a volume is read-only."
)
RETYPE = RuleDefault("volume:retype", CINDER_ADMIN_OR_MEMBER, "Change the type of a volume.")
_ACTIONS = "volume_extension:volume_actions"
RESERVE = RuleDefault(
    f"{_ACTIONS}:reserve", CINDER_ADMIN_OR_MEMBER, "Say that a volume is about to be attached."
)
UNRESERVE = RuleDefault(
    f"{_ACTIONS}:unreserve", CINDER_ADMIN_OR_MEMBER, "Say that a volume is not attached after all."
)
BEGIN_DETACHING = RuleDefault(
    f"{_ACTIONS}:begin_detaching", CINDER_ADMIN_OR_MEMBER, "Say that a volume is about to be detached."
)
ROLL_DETACHING = RuleDefault(
    f"{_ACTIONS}:roll_detaching", CINDER_ADMIN_OR_MEMBER, "Say that a volume stays attached after all."
)
CONNECT = RuleDefault(
    f"{_ACTIONS}:initialize_connection", CINDER_ADMIN_OR_MEMBER, "Connect a host with a volume."
)
DISCONNECT = RuleDefault(
    f"{_ACTIONS}:terminate_connection", CINDER_ADMIN_OR_MEMBER, "Disconnect a host from a volume."
)
UPLOAD = RuleDefault(f"{_ACTIONS}:upload_image", CINDER_ADMIN_OR_MEMBER, "Make an image of a volume.")
UPLOAD_PUBLIC = RuleDefault(f"{_ACTIONS}:upload_public", CINDER_ADMIN, "Make a public image of a volume.")
REVERT = RuleDefault(
    "volume:revert_to_snapshot", CINDER_ADMIN_OR_MEMBER, "Have a volume as its newest snapshot is."
)
REIMAGE = RuleDefault("volume:reimage", CINDER_ADMIN_OR_MEMBER, "Write another image to a volume.")
REIMAGE_RESERVED = RuleDefault(
    "volume:reimage_reserved", CINDER_ADMIN_OR_MEMBER, "Write another image to a volume that is reserved."
)
ENCRYPTION = RuleDefault(
    "volume_extension:volume_encryption_metadata", CINDER_ADMIN_OR_READER, "See how a volume is encrypted."
)
HOST = RuleDefault("volume_extension:volume_host_attribute", CINDER_ADMIN, "See on which host a volume is.")
MIGRATION = RuleDefault(
    "volume_extension:volume_mig_status_attribute", CINDER_ADMIN, "See whether a volume is being moved."
)

FIELDS = named([
    Field(name="name", post=True, put=True, carried=carried.CARRIED),
    Field(name="description", post=True, put=True, carried=carried.CARRIED),
    Field(name="metadata", post=True, put=True, carried=carried.CARRIED),
    Field(name="size", post=True, carried=carried.CARRIED, why="it only grows (`os-extend`)"),
    Field(name="bootable", carried=carried.CARRIED, why="`os-set_bootable`"),
    Field(name="readonly", carried=carried.CARRIED, why="`os-update_readonly_flag`"),
    Field(name="image_metadata", carried=carried.CARRIED, why="item by item"),
])  # fmt: skip

TABLE = table_of(
    "volume", FIELDS,
    Column("size", Integer, nullable=False),
    Column("bootable", Boolean, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("description", String(255), nullable=False),
    Column("type_id", String(36), nullable=False),
    Column("snapshot_id", String(36), nullable=False),
    Column("source_id", String(36), nullable=False),
    Column("group_id", String(36), nullable=False),
    Column("migration_status", String(32), nullable=False),
    Column("host", String(255), nullable=False),
    Column("items", Text, nullable=False),
    Column("image_items", Text, nullable=False),
    Index("volume_by_type", "type_id"),
    crowded=True,
)  # fmt: skip


def needs(resource: Resource) -> list[Need]:
    """Its type, and what it is made of; a volume of its group that has no cloud yet, either (`beside`). Of a type that
    it has got later its cloud is sent the name.
    """
    desired = resource.desired
    first = (desired.get("retype") or {}).get("first") or desired["type_id"]
    sources = (
        ("image", "image_id"),
        ("snapshot", "snapshot_id"),
        ("volume", "source_id"),
        ("backup", "backup_id"),
    )
    beside = desired.get("beside")
    return [
        Need("volume_type", first),
        *([Need("volume", beside, mode=CARRY_ASYNC)] if beside else ()),
        *(Need(kind, desired[name]) for kind, name in sources if desired.get(name)),
        *(Need("volume", id, mode=IF_PRESENT) for id in hinted_volumes(desired)),
    ]


def hinted_volumes(desired: Mapping[str, Any]) -> list[str]:
    """The volumes that its scheduler hints name, each once."""
    hints = desired.get("hints", {})
    return list(dict.fromkeys(id for name in NAMED_BY_HINTS for id in hints.get(name, ())))


def _cost(resource: Resource) -> Mapping[str, int]:
    """A volume, and its size: in all, and of its type."""
    size, name = int(resource.desired["size"]), resource.desired["type_name"]
    of_type = {quota_name(f"volumes_{name}"): 1, quota_name(f"gigabytes_{name}"): size}
    return {"volumes": 1, "gigabytes": size, **of_type}


def _flag(text: str) -> Sequence[Any]:
    lowered = text.lower()
    if lowered in ("true", "1"):
        return equals("bootable").finds(True)  # type: ignore[arg-type]
    if lowered in ("false", "0"):
        return equals("bootable").finds(False)  # type: ignore[arg-type]
    raise Invalid(f"Invalid input received: 'bootable = {text}'")


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


VERBS = {
    "index": Verb(rule=RuleDefault("volume:get_all", CINDER_ADMIN_OR_READER, "List volumes, and count them.")),
    "detail": Verb(rule=RuleDefault("volume:get_all", CINDER_ADMIN_OR_READER, "List volumes, and count them.")),
    "show": Verb(rule=RuleDefault("volume:get", CINDER_ADMIN_OR_READER, "Show a volume.")),
    "create": Verb(
        rule=RuleDefault("volume:create", CINDER_ADMIN_OR_MEMBER, "Create a volume."), status=202,
        schemas=schema.CREATE,
    ),
    "update": Verb(
        rule=RuleDefault("volume:update", CINDER_ADMIN_OR_MEMBER, "Change a volume."), schemas=schema.UPDATE
    ),
    "delete": Verb(rule=RuleDefault("volume:delete", CINDER_ADMIN_OR_MEMBER, "Delete a volume."), status=202),
}  # fmt: skip

KIND = VolumeKind(
    name="volume",
    collection="volumes",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=view.summarise,
    missing="Volume {} could not be found.",
    listed="id name links",
    added={
        "group_id": "3.13", "provider_id": "3.21", "shared_targets": "3.48", "service_uuid": "3.48",
        "cluster_name": "3.61", "volume_type_id": "3.63", "consumes_quota": "3.65",
    },
    unborn=("os-vol-tenant-attr:tenant_id",),
    unchanged=(
        "os-vol-tenant-attr:tenant_id", "volume_image_metadata", "os-vol-host-attr:host",
        "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id",
    ),
    filters={
        **{name: equals(name) for name in ("name", "status", "migration_status", "id", "user_id", "host")},
        "display_name": equals("name"),
        "availability_zone": equals("zone"),
        "group_id": Parameter(equals("group_id").finds, "3.10"),
        "volume_type_id": equals("type_id"),
        "snapshot_id": equals("snapshot_id"),
        "source_volid": equals("source_id"),
        "size": equals("size", _size),
        "bootable": Parameter(_flag),
        "metadata": Parameter(lambda text: having("items", text)),
        "glance_metadata": Parameter(lambda text: having("image_items", text), "3.4"),
    },
    open_filters=(
        "name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size",
        "created_at", "updated_at", "consumes_quota",
    ),
    sorts={
        **{name: name for name in (
            "id", "name", "size", "status", "created_at", "updated_at", "bootable", "user_id", "project_id", "host",
            "migration_status", "snapshot_id", "group_id",
        )},
        "display_name": "name", "display_description": "description", "availability_zone": "zone",
        "volume_type_id": "type_id", "source_volid": "source_id",
    },
    linked=True,
    counted=True,
    read_rules={
        "migration_status": "", "provider_id": "", "cluster_name": "",
        "os-vol-mig-status-attr:migstat": MIGRATION.name, "os-vol-mig-status-attr:name_id": MIGRATION.name,
        "os-vol-host-attr:host": HOST.name,
    },
    scope=own,
    target=target,
    rules=rules_of(
        VERBS, METADATA_GET, METADATA_CREATE, METADATA_UPDATE, METADATA_DELETE, IMAGE_SHOW, IMAGE_SET, IMAGE_REMOVE,
        FROM_IMAGE, FORCE_DELETE, ADMIN_FORCE, RESET, EXTEND, EXTEND_ATTACHED, READONLY, HOST, MIGRATION, RETYPE,
        RESERVE, UNRESERVE, BEGIN_DETACHING, ROLL_DETACHING, CONNECT, DISCONNECT,
        UPLOAD, UPLOAD_PUBLIC, REVERT, REIMAGE, REIMAGE_RESERVED, ENCRYPTION,
    ),
    costs=costs(("volumes", "gigabytes"), _cost, "volume"),
    needs=needs,
    vocabulary=VOCABULARY,
)  # fmt: skip
