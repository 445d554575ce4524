"""Volumes, their types, snapshots and backups, as machine and drivers speak of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from fractus.model.cloud import Observed, Wanted
from fractus.model.wire import Vocabulary, Wire

DEFAULT_TYPE = "__DEFAULT__"
"""Cinder's own name of the type that volumes have for which nobody named one."""

RESERVED = frozenset({"attached_mode", "readonly", "fractus_by", "fractus_id", "fractus_notes"})
"""Items of metadata that are not their user's in a cloud: Cinder's own among those of a volume, and our marker."""


UNWRITTEN = "unwritten"
"""Key of what is desired of a volume: it was made of nothing or of an image, in a cloud that nobody asked for, and no
server has had it. What is in it can be made again in any cloud. Whoever lets anything write to it removes this.
"""
DESTINATION = "destination"
"""Key of what is desired of a volume: the cloud that it is on its way to."""


NAMED_BY_HINTS = ("same_host", "different_host")
"""Scheduler hints whose values are ids of volumes."""


class VolumeTypeWanted(Wanted, frozen=True, kw_only=True):
    """A type that a cloud must have before a volume of it can be made there: it is looked for by its name. What stands
    behind a type is the cloud's own, so it is made there only where its operator lets us (`MAKES_TYPES`).
    """

    is_default: bool = False
    """Where the cloud has none of its name, the cloud's own default will do."""
    encryption: dict[str, Any] = {}
    """How volumes of it have to be encrypted (`provider`, `control_location`, `cipher`, `key_size`); empty: it need not
    be said."""
    description: str | None = None
    is_public: bool = True
    extra_specs: dict[str, str] = {}

    @property
    def encrypted(self) -> str:
        """Where volumes of it have to be encrypted (`front-end`, `back-end`); empty: it need not be said."""
        return str(self.encryption.get("control_location", ""))


MAKES_TYPES = "make_volume_types"
"""A cloud's setting: volume types that it does not have are made there."""


def makes_types(settings: Mapping[str, Any]) -> bool:
    """What a cloud's settings say of that. `msgspec.ValidationError` where it is no Boolean."""
    return msgspec.convert(settings.get(MAKES_TYPES, False), bool, strict=False)


def unencrypted(wanted: VolumeTypeWanted, where: str, cloud: str) -> str:
    """Why a cloud's type will not do, whose volumes are encrypted in `where` or nowhere."""
    there = f"encrypted in the {where}" if where else "not encrypted"
    return (
        f"volumes of the type {wanted.name} have to be encrypted in the {wanted.encrypted}, and that of {cloud} is "
        f"{there}"
    )


class VolumeTypeObserved(Observed, frozen=True, kw_only=True):
    """A type of a cloud."""

    is_public: Annotated[bool, Wire(name="is_public")] = True
    extra_specs: dict[str, str] = {}


VOLUME_TYPE = Vocabulary("volume_type", VolumeTypeWanted, VolumeTypeObserved, path="/types")


class VolumeWanted(Wanted, frozen=True, kw_only=True):
    """A volume to be. Ids are the child's; sizes in GiB."""

    size: int
    type_id: str = ""
    description: Annotated[str | None, Wire(mutable=True)] = None
    metadata: dict[str, str] = {}
    image_id: str = ""
    snapshot_id: str = ""
    source_id: str = ""
    """The volume that it is a copy of."""
    backup_id: str = ""
    hints: dict[str, Any] = {}
    """For the cloud's scheduler."""


class VolumeObserved(Observed, frozen=True, kw_only=True):
    """A volume as its cloud last said: Cinder's own words for the states."""

    status: str = ""
    """available, in-use, creating, error ..."""
    size: int = 0
    bootable: bool = False
    readonly: bool | None = None
    """None: nobody has said so."""
    encrypted: bool = False
    multiattach: bool = False
    metadata: dict[str, str] = {}
    """Without our marker."""
    image_metadata: dict[str, str] = {}
    attachments: list[dict[str, Any]] = []
    """As Cinder prints them, in the child's ids."""
    host: str = ""
    migration_status: str | None = None
    name_id: str | None = None
    provider_id: str | None = None
    service_uuid: str | None = None
    shared_targets: bool | None = None
    cluster_name: str | None = None
    replication_status: str | None = None
    type_name: str = ""
    """Name of its type there."""
    snapshot_id: str = ""
    source_id: str = ""


VOLUME = Vocabulary("volume", VolumeWanted, VolumeObserved)


class SnapshotWanted(Wanted, frozen=True, kw_only=True):
    """A snapshot to be."""

    volume_id: str
    description: Annotated[str | None, Wire(mutable=True)] = None
    metadata: dict[str, str] = {}


class SnapshotObserved(Observed, frozen=True, kw_only=True):
    """A snapshot as its cloud last said."""

    status: str = ""
    size: int = 0
    volume_id: str = ""
    metadata: dict[str, str] = {}
    """Without our marker."""
    progress: str = ""


SNAPSHOT = Vocabulary("snapshot", SnapshotWanted, SnapshotObserved)


class BackupWanted(Wanted, frozen=True, kw_only=True):
    """A backup to be."""

    volume_id: str = ""
    snapshot_id: str = ""
    """Where it is made of a snapshot of the volume, and not of the volume as it is then."""
    description: Annotated[str | None, Wire(mutable=True)] = None
    metadata: Annotated[dict[str, str], Wire(mutable=True)] = {}
    incremental: bool = False
    """Only what has changed since the newest backup of the volume."""
    container: str = ""
    """Where in the store of backups; empty: where the cloud puts them."""
    record: dict[str, str] = {}
    """What was exported of a backup that is to be known there again (`service`, `url`): nothing is read of a volume."""


class BackupObserved(Observed, frozen=True, kw_only=True):
    """A backup as its cloud last said."""

    status: str = ""
    size: int = 0
    volume_id: str = ""
    snapshot_id: str = ""
    metadata: dict[str, str] = {}
    """Without our marker."""
    container: str | None = None
    object_count: int | None = None
    fail_reason: str | None = None
    is_incremental: bool = False
    data_timestamp: str = ""
    """As the child prints it: when the data was as it is in the backup."""
    encryption_key_id: str | None = None


BACKUP = Vocabulary("backup", BackupWanted, BackupObserved)


class VolumeAttachmentWanted(Wanted, frozen=True, kw_only=True):
    """That a server is to have a volume. Ids are the child's."""

    server_id: str
    volume_id: str
    device: str = ""
    """As which the server's user wants it; empty: whichever is free."""
    tag: str = ""
    direct: str = ""
    """How block storage is asked for it, and no server: `reserve`, or `note` (which only writes down that the volume is
    attached, to `server_id` or to `host`); empty: its server is."""
    host: str = ""
    mode: str = ""
    """rw or ro; empty: it was not said."""


class VolumeAttachmentObserved(Observed, frozen=True, kw_only=True):
    """An attachment in a child. That of a server has no id to ask for it by: its remote id is `<server>/<volume>`; that
    which block storage was asked for has one.
    """

    status: str = ""
    """attaching, attached or detaching; of one that block storage was asked for reserved, too."""
    mode: str = ""
    device: str = ""
    attached_at: str = ""
    attachment_id: str = ""
    """The child's own."""
    server_id: str = ""
    volume_id: str = ""
    delete_on_termination: bool = False
    """Whether the child itself would end the volume with its server; listings do not say so."""


# Verbs. Of a volume type of our making: update {"name", "description", "is_public"} (those to change),
# set_extra_specs {"extra_specs"}, unset_extra_spec {"key"}, admit and expel {"project_id"} (ours). Of volumes,
# snapshots and backups: update {"name", "description"} (those to change; of a backup "metadata", too, all of it),
# reset_status (Cinder's own body). Of volumes and snapshots: set_metadata {"metadata"} (the whole set, without our
# marker). Of a volume: extend {"new_size"}, set_bootable {"bootable"}, set_readonly {"readonly"}, set_image_metadata
# {"metadata"} (those to set), unset_image_metadata {"key"}, retype {"new_type", "migration_policy", "type" (a
# `VolumeTypeWanted`, to be made where it is missing)}, revert {"snapshot_id"}, upload {"image_id" (ours),
# "disk_format", "container_format"}, reimage {"image_id", "reserved" (it may be)}, restore {"backup_id"}, transfer
# {"from" (our id of the project that had it), "snapshots" (whether those go with it)}, which is asked for by who gets
# it. Of an attachment: keep_volume {}, so that its volume does not end with its server there; of one that block
# storage was asked for: complete {}.
