"""Bodies about backups (cinder.api.schemas.backups, admin_actions)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

_CREATE: dict[str, Any] = {
    "volume_id": p.uuid,
    "container": p.string_or_null,
    "description": p.description,
    "incremental": p.boolean,
    "force": p.boolean,
    "name": p.name_allow_zero,
    "snapshot_id": p.uuid_allow_null,
}
_METADATA = {"metadata": p.metadata_allows_null}
_ZONE = {"availability_zone": p.string_or_null}

CREATE = (
    ("", p.body("backup", p.record(_CREATE, "volume_id"))),
    ("3.43", p.body("backup", p.record({**_CREATE, **_METADATA}, "volume_id"))),
    ("3.51", p.body("backup", p.record({**_CREATE, **_METADATA, **_ZONE}, "volume_id"))),
)

_UPDATE: dict[str, Any] = {"name": p.name_allow_zero, "description": p.description}
UPDATE = (
    ("", p.body("backup", p.or_null(p.record(_UPDATE)))),
    ("3.43", p.body("backup", p.or_null(p.record({**_UPDATE, "metadata": p.extra_specs})))),
)

RESTORE = p.body("restore", p.or_null(p.record({"name": p.name_allow_zero, "volume_id": p.uuid_allow_null})))
IMPORT = p.body(
    "backup-record",
    p.record(
        {
            "backup_service": {"type": "string", "minLength": 0, "maxLength": 255},
            "backup_url": {"type": "string", "minLength": 1, "format": "base64"},
        },
        "backup_service",
        "backup_url",
    ),
)
RESET = p.body(
    "os-reset_status", p.record({"status": {"type": "string", "format": "backup_status"}}, "status")
)
FORCE_DELETE = p.body("os-force_delete", {})
