"""Bodies about volumes (cinder.api.schemas.volumes, volume_actions, admin_actions, volume_image_metadata)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

_CREATE: dict[str, Any] = {
    "name": p.name_stripped,
    "description": p.description_stripped,
    "display_name": p.name_stripped,
    "display_description": p.description_stripped,
    "volume_type": p.name_allow_zero,
    "metadata": p.metadata_allows_null,
    "snapshot_id": p.optional_uuid,
    "source_volid": p.optional_uuid,
    "consistencygroup_id": p.optional_uuid,
    "size": p.volume_size_allows_null,
    "availability_zone": p.availability_zone,
    "multiattach": p.optional_boolean,
    "image_id": p.string_or_null,
    "imageRef": p.string_or_null,
}
_HINTS = {"OS-SCH-HNT:scheduler_hints": {"type": ["object", "null"]}}
_GROUP = {"group_id": p.string_or_null}
_BACKUP = {"backup_id": p.optional_uuid}


def _create(*more: dict[str, Any], others: bool) -> dict[str, Any]:
    fields = dict(_CREATE)
    for one in more:
        fields |= one
    return p.body("volume", p.record(fields, more=others), others=_HINTS)


CREATE = (
    ("", _create(others=True)),
    ("3.13", _create(_GROUP, others=True)),
    ("3.47", _create(_GROUP, _BACKUP, others=True)),
    ("3.53", _create(_GROUP, _BACKUP, others=False)),
)

_NAMES = ("name", "description", "display_name", "display_description")
_UPDATE = {**{name: _CREATE[name] for name in _NAMES}, "metadata": p.extra_specs}
UPDATE = (
    ("", p.body("volume", p.record(_UPDATE))),
    (
        "3.53",
        p.body("volume", p.record(_UPDATE, anyOf=[{"required": [name]} for name in (*_NAMES, "metadata")])),
    ),
)

EXTEND = p.body("os-extend", p.record({"new_size": p.volume_size}, "new_size"))
BOOTABLE = p.body("os-set_bootable", p.record({"bootable": p.boolean}, "bootable"))
READONLY = p.body("os-update_readonly_flag", p.record({"readonly": p.boolean}, "readonly"))
RESET = p.body(
    "os-reset_status",
    p.record(
        {
            "status": {"type": ["string", "null"], "format": "volume_status"},
            "attach_status": {"type": ["string", "null"], "format": "volume_attach_status"},
            "migration_status": {"type": ["string", "null"], "format": "volume_migration_status"},
        },
        format="reset_body",
    ),
)
RETYPE = p.body(
    "os-retype",
    p.record(
        {
            "new_type": {"type": "string"},
            "migration_policy": {"type": ["string", "null"], "enum": ["on-demand", "never"]},
        },
        "new_type",
    ),
)
FORCE_DELETE = p.body("os-force_delete", {})
SET_IMAGE = p.body("os-set_image_metadata", p.record({"metadata": p.image_metadata}, "metadata"))
UNSET_IMAGE = p.body(
    "os-unset_image_metadata", p.record({"key": {"type": "string", "minLength": 1, "maxLength": 255}}, "key")
)
SHOW_IMAGE = p.body("os-show_image_metadata", {})
CONNECT = p.body(
    "os-initialize_connection", p.record({"connector": {"type": ["object", "string"]}}, "connector")
)
DISCONNECT = p.body(
    "os-terminate_connection", p.record({"connector": {"type": ["string", "object", "null"]}}, "connector")
)
_UPLOAD: dict[str, Any] = {
    "image_name": {"type": "string", "minLength": 1, "maxLength": 255},
    "force": p.boolean,
    "disk_format": {"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]},
    "container_format": p.description,
}
_SHOWN: dict[str, Any] = {
    "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
    "protected": p.boolean,
}
UPLOAD = p.body("os-volume_upload_image", p.record(_UPLOAD, "image_name"))
UPLOAD_31 = p.body("os-volume_upload_image", p.record({**_UPLOAD, **_SHOWN}, "image_name"))
REVERT = p.body("revert", p.record({"snapshot_id": {"type": ["string", "null"]}}, more=True))
REIMAGE = p.body("os-reimage", p.record({"image_id": p.uuid, "reimage_reserved": p.boolean}, "image_id"))


def anything(name: str) -> dict[str, Any]:
    """An action whose value says nothing, and may be anything."""
    return p.body(name, {})
