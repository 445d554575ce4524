"""Bodies about group types (cinder.api.schemas.group_types, group_specs)."""

from __future__ import annotations

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
SPECS = p.body("group_specs", p.extra_specs_no_spaces)
SPEC = {**p.extra_specs_no_spaces, "minProperties": 1, "maxProperties": 1}
