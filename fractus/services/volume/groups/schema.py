"""Bodies about groups (cinder.api.schemas.groups)."""

from __future__ import annotations

from fractus.services.volume.dialect.schema import parameters as p

CREATE = p.body(
    "group",
    p.record(
        {
            "description": p.description,
            "group_type": {"type": "string", "format": "group_type"},
            "name": p.name_allow_zero,
            "volume_types": {
                "type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 255}, "uniqueItems": True,
            },
            "availability_zone": {"type": ["string", "null"], "format": "availability_zone"},
        },
        "group_type",
        "volume_types",
    ),
)  # fmt: skip
FROM_SOURCE = p.body(
    "create-from-src",
    p.record(
        {
            "description": p.description,
            "name": p.name_allow_zero,
            "source_group_id": p.uuid,
            "group_snapshot_id": p.uuid,
        },
        oneOf=[{"required": ["group_snapshot_id"]}, {"required": ["source_group_id"]}],
    ),
)
DELETE = p.body("delete", p.record({"delete-volumes": p.boolean}))
RESET = p.body("reset_status", p.record({"status": {"type": "string", "format": "group_status"}}, "status"))
_CHANGED = ("name", "description", "add_volumes", "remove_volumes")
UPDATE = p.body(
    "group",
    p.record(
        {name: p.name_allow_zero if name == "name" else p.description for name in _CHANGED},
        anyOf=[{"required": [name]} for name in _CHANGED],
    ),
)
