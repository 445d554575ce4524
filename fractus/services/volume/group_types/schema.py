"""Bodies about group types (cinder.api.schemas.group_types, group_specs)."""

from __future__ import annotations

from typing import Any

from fractus.services.volume.dialect.schema import parameters as p

CREATE = p.body(
    "group_type",
    p.record(
        {
            "name": p.name,
            "description": p.description,
            "is_public": p.boolean,
            "group_specs": p.metadata_allows_null,
        },
        "name",
    ),
)
UPDATE = p.body(
    "group_type", p.record({"name": p.name_allow_zero, "description": p.description, "is_public": p.boolean})
)
_SPECS: dict[str, Any] = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
}
SPECS = p.body("group_specs", _SPECS)
SPEC = {**_SPECS, "minProperties": 1, "maxProperties": 1}
