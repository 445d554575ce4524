"""Bodies about snapshots of groups (cinder.api.schemas.group_snapshots)."""

from __future__ import annotations

from fractus.services.volume.dialect.schema import parameters as p

_SNAPSHOT = p.record(
    {"group_id": p.uuid, "name": p.name_allow_zero, "description": p.description}, "group_id"
)
CREATE = p.body("group_snapshot", _SNAPSHOT)
RESET = p.body(
    "reset_status", p.record({"status": {"type": "string", "format": "group_snapshot_status"}}, "status")
)
