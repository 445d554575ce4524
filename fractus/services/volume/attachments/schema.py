"""Bodies about attachments (cinder.api.schemas.attachments)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

_CREATE: dict[str, Any] = {
    "instance_uuid": p.uuid,
    "connector": {"type": ["object", "null"]},
    "volume_uuid": p.uuid,
}
_MODE = {"mode": {"type": "string", "enum": ["rw", "ro"]}}

CREATE = p.body("attachment", p.record(_CREATE, "volume_uuid"))
CREATE_MODE = p.body("attachment", p.record({**_CREATE, **_MODE}, "volume_uuid"))
UPDATE = p.body("attachment", p.record({"connector": {"type": "object", "minProperties": 1}}, "connector"))
COMPLETE = p.body("os-complete", {})

ATTACH = p.body(
    "os-attach",
    p.record(
        {
            "instance_uuid": p.uuid,
            "mountpoint": {"type": "string", "minLength": 1, "maxLength": 255},
            "host_name": {"type": "string", "maxLength": 255},
            **_MODE,
        },
        "mountpoint",
        anyOf=[{"required": ["instance_uuid"]}, {"required": ["host_name"]}],
    ),
)
DETACH = p.body("os-detach", p.or_null(p.record({"attachment_id": p.uuid_allow_null})))
FORCE_DETACH = p.body(
    "os-force_detach",
    p.record(
        {"connector": {"type": ["string", "object", "null"]}, "attachment_id": {"type": ["string", "null"]}}
    ),
)
