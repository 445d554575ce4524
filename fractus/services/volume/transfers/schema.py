"""Bodies about transfers (cinder.api.schemas.volume_transfer)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

_CREATE: dict[str, Any] = {
    "volume_id": p.uuid,
    "name": {"oneOf": [{"type": "string", "format": "name_or_null"}, {"type": "null"}]},
}
CREATE = p.body("transfer", p.record(_CREATE, "volume_id"))
CREATE_355 = p.body("transfer", p.record({**_CREATE, "no_snapshots": p.boolean}, "volume_id"))
ACCEPT = p.body("accept", p.record({"auth_key": {"type": ["string", "integer"]}}, "auth_key"))
