"""Bodies about volume types (cinder.api.schemas.volume_types, types_extra_specs, volume_type_access)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

CREATE = p.body(
    "volume_type",
    p.record(
        {
            "name": p.name,
            "description": p.description,
            "extra_specs": p.extra_specs_with_null,
            "os-volume-type-access:is_public": p.boolean,
        },
        "name",
    ),
)
UPDATE = p.body(
    "volume_type", p.record({"name": p.update_name, "description": p.description, "is_public": p.boolean})
)
SPECS = p.body("extra_specs", p.extra_specs_no_spaces)
SPEC = {**p.extra_specs_no_spaces, "minProperties": 1, "maxProperties": 1}
_ENCRYPTION: dict[str, Any] = {
    "key_size": {
        "type": ["string", "integer", "null"],
        "minimum": 0,
        "maximum": p.MAX_INT,
        "format": "key_size",
    },
    "provider": {"type": "string", "minLength": 0, "maxLength": 255},
    "control_location": {"enum": ["front-end", "back-end"]},
    "cipher": {"type": ["string", "null"], "minLength": 0, "maxLength": 255},
}
ENCRYPT = p.body("encryption", p.record(_ENCRYPTION, "provider", "control_location", more=True))
CHANGE_ENCRYPTION = p.body("encryption", p.record(_ENCRYPTION, more=True))
DEFAULT = {
    "type": "object",
    "properties": {"default_type": p.record({"volume_type": p.name}, "volume_type")},
}
_PROJECT = p.record({"project": {"type": "string", "minLength": 1, "maxLength": 255}}, "project")
ADD, REMOVE = p.body("addProjectAccess", _PROJECT), p.body("removeProjectAccess", _PROJECT)
