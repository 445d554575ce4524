"""Parts that Cinder's schemas share (cinder.api.validation.parameter_types)."""

from __future__ import annotations

import unicodedata
from typing import Any

MAX_INT = 0x7FFFFFFF

TRUE = [True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t"]
FALSE = [False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f"]


def is_printable(char: str) -> bool:
    """Letters, marks, numbers, punctuation, symbols and plain spaces."""
    kind = unicodedata.category(char)
    return kind[0] not in "CZ" or kind == "Zs"


#: Keys of metadata and of extra specs.
_KEY = "^[a-zA-Z0-9-_:. /]{1,255}$"

name: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
update_name: dict[str, Any] = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
name_allow_zero: dict[str, Any] = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
#: The pattern of printable characters is a format here: its sentence would be pages long.
description: dict[str, Any] = {
    "type": ["string", "null"], "minLength": 0, "maxLength": 255, "format": "printable",
}  # fmt: skip
boolean: dict[str, Any] = {"type": ["boolean", "string"], "enum": [*TRUE, *FALSE]}
optional_boolean: dict[str, Any] = {"oneOf": [{"type": "null"}, boolean]}
uuid: dict[str, Any] = {"type": "string", "format": "uuid"}
uuid_allow_null: dict[str, Any] = {"oneOf": [uuid, {"type": "null"}]}
optional_uuid: dict[str, Any] = {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]}
extra_specs: dict[str, Any] = {
    "type": "object",
    "patternProperties": {_KEY: {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
extra_specs_with_null: dict[str, Any] = {
    "type": "object",
    "patternProperties": {_KEY: {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
}
extra_specs_no_spaces: dict[str, Any] = {
    "type": "object",
    "patternProperties": {
        "^[a-zA-Z0-9-_:.]{1,255}$": {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
    },
    "additionalProperties": False,
}
image_metadata: dict[str, Any] = {
    "type": "object",
    "patternProperties": {_KEY: {"type": "string", "maxLength": 65535}},
    "additionalProperties": False,
}
metadata_allows_null: dict[str, Any] = {**extra_specs, "type": ["object", "null"]}
volume_size: dict[str, Any] = {
    "type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": MAX_INT,
}  # fmt: skip
volume_size_allows_null: dict[str, Any] = {**volume_size, "type": ["integer", "string", "null"]}
availability_zone: dict[str, Any] = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
string_or_null: dict[str, Any] = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
name_stripped: dict[str, Any] = {"type": ["string", "null"], "format": "name_stripped"}
description_stripped: dict[str, Any] = {"type": ["string", "null"], "format": "description_stripped"}


def body(key: str, inner: dict[str, Any], *, others: dict[str, Any] | None = None) -> dict[str, Any]:
    """A body with one object in it, and perhaps others."""
    return {
        "type": "object",
        "properties": {key: inner, **(others or {})},
        "required": [key],
        "additionalProperties": False,
    }


def or_null(inner: dict[str, Any]) -> dict[str, Any]:
    """An object, or null."""
    return {**inner, "type": [inner["type"], "null"]}


def record(properties: dict[str, Any], *required: str, more: bool = False, **rules: Any) -> dict[str, Any]:
    """An object. `more`: fields that are not named are passed over."""
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": more, **rules}
    return {**made, "required": list(required)} if required else made
