"""Bodies of requests about services, hosts, clusters and workers (cinder.api.schemas)."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
_WORD = {"type": "string", "minLength": 1, "maxLength": 255}
_HOST = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": 255,
    "pattern": r"^[a-zA-Z0-9-._#@:/+\[\]]*$",
}
_HOSTNAME = {**_HOST, "pattern": r"^[a-zA-Z0-9-._#@:/+]*$"}
_BOOLEAN = {
    "type": ["boolean", "string"],
    "enum": [
        True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "y", "t",
        False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no", "n", "f",
    ],
}  # fmt: skip

#: Programs whose level of logging can be asked for, and set.
LOGGING = ("cinder-scheduler", "cinder-volume", "cinder-backup", "cinder-api")
_BINARY = {"type": "string", "enum": [*LOGGING, "", "*"]}
_REASON = {"type": "string", "minLength": 1, "maxLength": 255, "format": "disabled_reason"}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


_SERVICE = {"binary": _WORD, "host": _HOST, "cluster": _TEXT, "service": _WORD}
_NAMED = [{"required": ["binary"]}, {"required": ["service"]}]

SWITCH = _object(_SERVICE, anyOf=_NAMED)
DISABLE_WITH_REASON = _object({**_SERVICE, "disabled_reason": _REASON}, anyOf=_NAMED)
FREEZE = _object({"cluster": _TEXT, "host": _HOST})
FAILOVER = _object({"host": _HOST, "backend_id": _TEXT, "cluster": _TEXT})
GET_LOG = _object({"binary": _BINARY, "server": _TEXT, "prefix": _TEXT})
SET_LOG = _object({
    "binary": _BINARY, "server": _TEXT, "prefix": _TEXT, "level": {"type": ["string", "null"], "format": "level"},
})  # fmt: skip

#: More is taken, for the status may be written in capitals; the handler judges what is there.
HOST = {"type": "object", "properties": {"status": {"type": "string", "enum": ["enable", "disable"]}}}

_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "format": "name"}
CLUSTER_ENABLE = _object({"name": _NAME, "binary": _TEXT}, required=["name"])
CLUSTER_DISABLE = _object(
    {"name": _NAME, "binary": _TEXT, "disabled_reason": {**_TEXT, "format": "disabled_reason"}},
    required=["name"],
)

CLEANUP = _object({
    "cluster_name": _HOSTNAME, "disabled": _BOOLEAN, "host": _HOSTNAME, "is_up": _BOOLEAN,
    "binary": {"enum": ["cinder-volume", "cinder-scheduler"]},
    "resource_id": {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]},
    "resource_type": {"type": ["string", "null"], "minLength": 0, "maxLength": 40},
    "service_id": {"type": ["integer", "string", "null"], "pattern": "^[0-9]*$", "maxLength": 11},
})  # fmt: skip
