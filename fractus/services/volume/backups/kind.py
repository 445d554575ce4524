"""Backups, declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, Integer, String

from fractus.auth.base_rules import CINDER_ADMIN, CINDER_ADMIN_OR_MEMBER, CINDER_ADMIN_OR_READER
from fractus.auth.policy import RuleDefault
from fractus.base.clock import iso_micro
from fractus.model import carried
from fractus.model.resource import Need, Presence, Resource, Summary, as_found, at_home
from fractus.model.volumes import BACKUP as VOCABULARY
from fractus.services.field import Field, named
from fractus.services.kind import table_of
from fractus.services.volume.backups import schema
from fractus.services.volume.dialect import view
from fractus.services.volume.dialect.kind import Verb, VolumeKind, costs, equals, own, rules_of, target
from fractus.services.volume.dialect.view import links, stamps

RESTORE = RuleDefault("backup:restore", CINDER_ADMIN_OR_MEMBER, "Write a backup to a volume.")
EXPORT = RuleDefault("backup:export-import", CINDER_ADMIN, "Write down what is known of a backup.")
IMPORT = RuleDefault("backup:backup-import", CINDER_ADMIN, "Make a backup known that was written down.")
PROJECT = RuleDefault("backup:backup_project_attribute", CINDER_ADMIN, "See whose a backup is.")
_ADMIN = "volume_extension:backup_admin_actions"
RESET = RuleDefault(f"{_ADMIN}:reset_status", CINDER_ADMIN, "Say in which state a backup is.")
FORCE_DELETE = RuleDefault(f"{_ADMIN}:force_delete", CINDER_ADMIN, "Delete a backup whatever state it is in.")

NO_VOLUME = "00000000-0000-0000-0000-000000000000"
"""What Cinder shows as the volume of a backup that was imported."""

FIELDS = named([
    Field(name="name", post=True, put=True, carried=carried.CARRIED),
    Field(name="description", post=True, put=True, carried=carried.CARRIED),
    Field(name="metadata", post=True, put=True, carried=carried.CARRIED),
])  # fmt: skip

TABLE = table_of(
    "backup", FIELDS,
    Column("volume_id", String(36), nullable=False),
    Column("snapshot_id", String(36), nullable=False),
    Column("parent_id", String(36), nullable=False),
    Column("size", Integer, nullable=False),
    Column("zone", String(64), nullable=False),
    Index("backup_by_volume", "volume_id"),
)  # fmt: skip


def status_of(resource: Resource, there: Presence | None) -> str:
    """Cinder's word for the state of a backup."""
    return view.status_of(resource, there, busy="restoring" if resource.desired.get("restoring") else "")


def _reason(resource: Resource, there: Presence | None, observed: Mapping[str, Any]) -> str | None:
    """Why it failed, in the words of its cloud, or ours where none has it."""
    said = observed.get("fail_reason")
    if said:
        return str(said)
    return resource.choice.get("error") or (there.error if there is not None and there.error else None)


def summarise(resource: Resource, presences: Sequence[Presence]) -> Summary:
    """How users see it."""
    there = at_home(resource.home, presences)
    desired = as_found(resource, presences).desired
    observed: Mapping[str, Any] = (there.observed or {}) if there is not None else {}
    status = status_of(resource, there)
    zone = there.cloud if there is not None else resource.home or ""
    document = {
        "id": resource.id,
        "status": status,
        "size": desired["size"],
        "object_count": observed.get("object_count") or 0,
        "availability_zone": zone or None,
        "container": observed.get("container") or desired["container"] or None,
        **stamps(resource),
        "name": desired["name"],
        "description": desired["description"],
        "fail_reason": _reason(resource, there, observed) if status == "error" else None,
        "volume_id": desired["volume_id"],
        "links": links("backups", resource.id),
        "is_incremental": bool(desired["parent_id"] or observed.get("is_incremental")),
        "has_dependent_backups": bool(desired.get("dependents")),
        "snapshot_id": desired["snapshot_id"] or None,
        "data_timestamp": iso_micro(desired["data_at"] or resource.created_at),
        "metadata": desired["metadata"],
    }
    if observed.get("encryption_key_id"):
        document["encryption_key_id"] = observed["encryption_key_id"]
    extra = {"os-backup-project-attr:project_id": resource.project_id, "user_id": resource.user_id}
    columns = {
        "volume_id": desired["volume_id"],
        "snapshot_id": desired["snapshot_id"],
        "parent_id": desired["parent_id"],
        "size": desired["size"],
        "zone": zone,
    }
    return Summary(status, document, extra, columns)


def needs(resource: Resource) -> list[Need]:
    """What it is made of, and the backup that it says the difference to."""
    desired = resource.desired
    sources = (("volume", "volume_id"), ("snapshot", "snapshot_id"), ("backup", "parent_id"))
    return [
        Need(kind, desired[name]) for kind, name in sources if desired[name] and desired[name] != NO_VOLUME
    ]


def _cost(resource: Resource) -> Mapping[str, int]:
    """A backup, and as many gigabytes as its volume had."""
    return {"backups": 1, "backup_gigabytes": int(resource.desired["size"])}


_LIST = RuleDefault("backup:get_all", CINDER_ADMIN_OR_READER, "List backups.")
VERBS = {
    "index": Verb(rule=_LIST),
    "detail": Verb(rule=_LIST),
    "show": Verb(rule=RuleDefault("backup:get", CINDER_ADMIN_OR_READER, "Show a backup.")),
    "create": Verb(
        rule=RuleDefault("backup:create", CINDER_ADMIN_OR_MEMBER, "Create a backup of a volume."), status=202,
        schemas=schema.CREATE,
    ),
    "update": Verb(
        rule=RuleDefault("backup:update", CINDER_ADMIN_OR_MEMBER, "Change a backup."), schemas=schema.UPDATE,
        since="3.9",
    ),
    "delete": Verb(
        rule=RuleDefault("backup:delete", CINDER_ADMIN_OR_MEMBER, "Delete a backup."), status=202
    ),
}  # fmt: skip

KIND = VolumeKind(
    name="backup",
    collection="backups",
    fields=FIELDS,
    table=TABLE,
    verbs=VERBS,
    summarise=summarise,
    missing="Backup {} could not be found.",
    listed="id name links",
    brief=True,
    linked=True,
    added={
        "os-backup-project-attr:project_id": "3.18", "metadata": "3.43", "user_id": "3.56",
        "encryption_key_id": "3.64",
    },
    read_rules={"os-backup-project-attr:project_id": PROJECT.name, "user_id": PROJECT.name},
    filters={
        **{name: equals(name) for name in ("name", "status", "volume_id", "id", "user_id", "snapshot_id", "parent_id")},
        "display_name": equals("name"),
        "availability_zone": equals("zone"),
    },
    open_filters=("name", "status", "volume_id"),
    sorts={
        **{name: name for name in (
            "id", "name", "status", "created_at", "updated_at", "volume_id", "snapshot_id", "size", "user_id",
            "project_id",
        )},
        "display_name": "name",
    },
    counted=True,
    scope=own,
    target=target,
    rules=rules_of(VERBS, RESTORE, EXPORT, IMPORT, PROJECT, RESET, FORCE_DELETE),
    costs=costs(("backups", "backup_gigabytes"), _cost, "backup"),
    needs=needs,
    vocabulary=VOCABULARY,
)  # fmt: skip
