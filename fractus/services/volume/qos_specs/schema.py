"""Bodies about QoS specifications (cinder.api.schemas.qos_specs)."""

from __future__ import annotations

from fractus.services.volume.dialect.schema import parameters as p

CREATE = p.body(
    "qos_specs",
    p.record({"name": {"type": "string", "format": "name_skip_leading_trailing_spaces"}}, "name", more=True),
)
UPDATE = p.body("qos_specs", p.extra_specs_with_null)
DELETE_KEYS = p.body(
    "keys",
    {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}, "uniqueItems": True},
)
