"""Bodies about snapshots (cinder.api.schemas.snapshots, admin_actions)."""

from __future__ import annotations

from fractus.services.volume.dialect.schema import parameters as p

CREATE = p.body(
    "snapshot",
    p.record(
        {
            "name": p.name_allow_zero,
            "display_name": p.name_allow_zero,
            "description": p.description,
            "volume_id": p.uuid_allow_null,
            "force": p.boolean,
            "metadata": p.metadata_allows_null,
        },
        "volume_id",
    ),
)
_NAMES = ("name", "description", "display_name", "display_description")
UPDATE = p.body(
    "snapshot",
    p.record(
        {name: p.name_allow_zero if name.endswith("name") else p.description for name in _NAMES},
        anyOf=[{"required": [name]} for name in _NAMES],
    ),
)
RESET = p.body(
    "os-reset_status", p.record({"status": {"type": "string", "format": "snapshot_status"}}, "status")
)
FORCE_DELETE = p.body("os-force_delete", {})
UPDATE_STATUS = p.body(
    "os-update_snapshot_status",
    p.record({"status": {"type": "string"}, "progress": {"format": "progress"}}, "status"),
)
