"""What may be said of metadata definitions: Glance's JSON schemas, and what its types refuse beside them.

Glance reads a body by its schema and then once more by types that know fewer names; what only those refuse ends there
in a 500, and here in the sentence that the schema would have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jsonschema

from fractus.model.errors import Conflict, Forbidden, Invalid

_TYPES = ["array", "boolean", "integer", "number", "object", "string", None]
_TEXT: dict[str, Any] = {"type": "string"}
_NAME: dict[str, Any] = {"type": "string", "maxLength": 80}
_STRINGS = {"$ref": "#/definitions/stringArray"}
_COUNT = {"$ref": "#/definitions/positiveInteger"}
_COUNT_OR_0 = {"$ref": "#/definitions/positiveIntegerDefault0"}
_READ_ONLY: dict[str, Any] = {"readOnly": True, "type": "string"}


def _time(what: str) -> dict[str, Any]:
    return {
        "type": "string",
        "readOnly": True,
        "description": f"Date and time of {what}",
        "format": "date-time",
    }


_INTEGERS: dict[str, Any] = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [_COUNT, {"default": 0}]},
}
_PROPERTY: dict[str, Any] = {
    "name": _NAME,
    "title": _TEXT,
    "description": _TEXT,
    "operators": {"type": "array", "items": _TEXT},
    "type": {"type": "string", "enum": _TYPES},
    "required": _STRINGS,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _COUNT,
    "minLength": _COUNT_OR_0,
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": _TYPES}, "enum": {"type": "array"}},
    },
    "maxItems": _COUNT,
    "minItems": _COUNT_OR_0,
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": {"type": "boolean"},
}
_DEFINITIONS: dict[str, Any] = {
    **_INTEGERS,
    "stringArray": {"type": "array", "items": _TEXT, "uniqueItems": True},
    "property": {
        "type": "object",
        "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": _PROPERTY},
    },
}
_PROPERTIES = {"$ref": "#/definitions/property"}

NAMESPACE: dict[str, Any] = {
    "name": "namespace",
    "properties": {
        "namespace": {**_NAME, "description": "The unique namespace text."},
        "display_name": {
            **_NAME,
            "description": "The user friendly name for the namespace. Used by UI if available.",
        },
        "description": {
            "type": "string",
            "description": "Provides a user friendly description of the namespace.",
            "maxLength": 500,
        },
        "visibility": {
            "type": "string",
            "description": "Scope of namespace accessibility.",
            "enum": ["public", "private"],
        },
        "protected": {"type": "boolean", "description": "If true, namespace will not be deletable."},
        "owner": {"type": "string", "description": "Owner of the namespace.", "maxLength": 255},
        "created_at": _time("namespace creation"),
        "updated_at": _time("the last namespace modification"),
        "schema": _READ_ONLY,
        "self": _READ_ONLY,
        "resource_type_associations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": _TEXT, "prefix": _TEXT, "properties_target": _TEXT},
            },
        },
        "properties": _PROPERTIES,
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "description": _TEXT,
                    "required": _STRINGS,
                    "properties": _PROPERTIES,
                },
            },
        },
        "tags": {"type": "array", "items": {"type": "object", "properties": {"name": _TEXT}}},
    },
    "additionalProperties": False,
    "definitions": _DEFINITIONS,
    "required": ["namespace"],
}
OBJECT: dict[str, Any] = {
    "name": "object",
    "properties": {
        "name": _NAME,
        "description": _TEXT,
        "required": _STRINGS,
        "properties": _PROPERTIES,
        "schema": _READ_ONLY,
        "self": _READ_ONLY,
        "created_at": _time("object creation"),
        "updated_at": _time("the last object modification"),
    },
    "additionalProperties": False,
    "definitions": _DEFINITIONS,
    "required": ["name"],
}
PROPERTY: dict[str, Any] = {
    "name": "property",
    "properties": _PROPERTY,
    "additionalProperties": False,
    "definitions": {
        **_INTEGERS,
        "stringArray": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
    },
    "required": ["type", "title", "name"],
}
_NAMELESS = {**PROPERTY, "required": ["type", "title"]}
TAG: dict[str, Any] = {
    "name": "tag",
    "properties": {
        "name": _NAME,
        "created_at": _time("tag creation"),
        "updated_at": _time("the last tag modification"),
    },
    "additionalProperties": False,
    "required": ["name"],
}
_TAGS: dict[str, Any] = {
    "name": "tags",
    "properties": {
        "tags": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": _TEXT},
                "required": ["name"],
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}
ASSOCIATION: dict[str, Any] = {
    "name": "resource_type_association",
    "properties": {
        "name": {
            **_NAME,
            "description": "Resource type names should be aligned with Heat resource types whenever possible: "
            "https://docs.openstack.org/heat/latest/template_guide/openstack.html",
        },
        "prefix": {
            **_NAME,
            "description": "Specifies the prefix to use for the given resource type. Any properties in the namespace "
            "should be prefixed with this prefix when being applied to the specified resource type. Must include "
            "prefix separator (e.g. a colon :).",
        },
        "properties_target": {
            **_NAME,
            "description": "Some resource types allow more than one key / value pair per instance.  For example, "
            "Cinder allows user and image metadata on volumes. Only the image properties metadata is evaluated by "
            "Nova (scheduling or drivers). This property allows a namespace target to remove the ambiguity.",
        },
        "created_at": _time("resource type association"),
        "updated_at": _time("the last resource type association modification"),
    },
    "additionalProperties": False,
    "required": ["name"],
}


def _listed(name: str, item: Mapping[str, Any], *, keyed: bool = False) -> dict[str, Any]:
    """The schema of a list, or of an object whose keys are names: definitions stand outside."""
    inner = {key: value for key, value in item.items() if key != "definitions"}
    many = {"type": "object", "additionalProperties": inner} if keyed else {"type": "array", "items": inner}
    found: dict[str, Any] = {
        "name": name,
        "properties": {name: many, "first": _TEXT, "next": _TEXT, "schema": _TEXT},
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }
    return found | ({"definitions": item["definitions"]} if "definitions" in item else {})


#: What Glance publishes, by the name below /schemas/metadefs.
PUBLISHED: Mapping[str, dict[str, Any]] = {
    "namespace": NAMESPACE,
    "namespaces": _listed("namespaces", NAMESPACE),
    "object": OBJECT,
    "objects": _listed("objects", OBJECT),
    "property": PROPERTY,
    "properties": _listed("properties", _NAMELESS, keyed=True),
    "resource_type": ASSOCIATION,
    "resource_types": _listed("resource_type_associations", ASSOCIATION),
    "tag": TAG,
    "tags": _listed("tags", TAG),
}

_JUDGES = {
    id(one): jsonschema.Draft202012Validator(one)
    for one in (NAMESPACE, OBJECT, PROPERTY, _NAMELESS, TAG, _TAGS, ASSOCIATION)
}
_SERVER_SIDE = ("self", "schema", "created_at", "updated_at")
_TIMES = ("created_at", "updated_at")


def _refuse(schema: str, why: str) -> Invalid:
    return Invalid(f"Provided object does not match schema '{schema}': {why}")


def _judged(body: Any, schema: Mapping[str, Any], server_side: Collection[str] = _TIMES) -> dict[str, Any]:
    if body is None:
        raise Invalid("Body expected in request.")
    if not isinstance(body, dict):
        raise _refuse(schema["name"], f"{body!r} is not of type 'object'")
    for name in server_side:
        if name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
    error = jsonschema.exceptions.best_match(_JUDGES[id(schema)].iter_errors(body))
    if error is not None:
        raise _refuse(schema["name"], error.message)
    return body


def _only(
    given: Mapping[str, Any], known: Collection[str], schema: str, needed: Collection[str] = ()
) -> None:
    surplus = [name for name in given if name not in known]
    if surplus:
        verb = "was" if len(surplus) == 1 else "were"
        names = ", ".join(map(repr, surplus))
        raise _refuse(schema, f"Additional properties are not allowed ({names} {verb} unexpected)")
    for name in needed:
        if name not in given:
            raise _refuse(schema, f"{name!r} is a required property")


def _short(text: str, schema: str) -> str:
    if len(text) > 80:
        raise _refuse(schema, f"{text!r} is too long")
    return text


_KNOWN = (
    "type", "title", "description", "operators", "default", "readonly", "minimum", "maximum", "enum", "pattern",
    "minLength", "maxLength", "confidential", "items", "uniqueItems", "minItems", "maxItems", "additionalItems",
)  # fmt: skip


def _strings(values: Collection[Any]) -> list[str]:
    for one in values:
        if not isinstance(one, str):
            raise _refuse("property", f"{one!r} is not of type 'string'")
    return list(values)


def _items(given: Mapping[str, Any]) -> dict[str, Any]:
    _only(given, ("type", "enum"), "property", ("type",))
    return {"type": given["type"]} | ({"enum": _strings(given["enum"])} if "enum" in given else {})


#: A default is kept as a text, as Glance's type has it; what is no plain value is none.
_CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    "default": lambda value: None if value is None or isinstance(value, list | dict) else str(value),
    "minimum": int,
    "maximum": int,
    "enum": _strings,
    "confidential": bool,
    "items": _items,
}


def _of_property(given: Mapping[str, Any]) -> dict[str, Any]:
    """One property, without its name."""
    _only(given, ("name", *_KNOWN), "property")
    kept = {name: given[name] for name in _KNOWN if name in given}
    return {name: _CONVERTED[name](value) if name in _CONVERTED else value for name, value in kept.items()}


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    return {_short(name, "property"): _of_property(one) for name, one in given.items()}


def _of_object(given: Mapping[str, Any]) -> dict[str, Any]:
    _only(given, ("name", "description", "required", "properties"), "object", ("name",))
    return {
        "name": _short(given["name"], "object"),
        "description": given.get("description"),
        "required": given.get("required"),
        "properties": _properties(given["properties"]) if "properties" in given else None,
    }


def _of_association(given: Mapping[str, Any]) -> dict[str, Any]:
    _only(given, ("name", "prefix", "properties_target"), "resource_type_association", ("name",))
    names = ("name", "prefix", "properties_target")
    return {name: _short(given[name], "resource_type_association") for name in names if name in given}


def namespace(body: Any) -> dict[str, Any]:
    """The body of a POST or PUT of a namespace, as it is kept."""
    given = _judged(body, NAMESPACE, _SERVER_SIDE)
    fields = ("namespace", "display_name", "description", "visibility", "protected", "owner")
    for one in given.get("tags", []):
        _only(one, ("name",), "tag", ("name",))
    return {
        **{name: given[name] for name in fields if name in given},
        "properties": _properties(given.get("properties", {})),
        "objects": [_of_object(one) for one in given.get("objects", [])],
        "tags": [_short(one["name"], "tag") for one in given.get("tags", [])],
        "resource_type_associations": [
            _of_association(one) for one in given.get("resource_type_associations", [])
        ],
    }


def object_(body: Any) -> dict[str, Any]:
    """The body of a POST or PUT of an object."""
    given = _judged(body, OBJECT, _SERVER_SIDE)
    for one in given.get("properties", {}).values():
        _judged(one, _NAMELESS)
    return _of_object(given)


def property_(body: Any) -> tuple[str, dict[str, Any]]:
    """The body of a POST or PUT of a property: its name, and the rest."""
    given = _judged(body, PROPERTY)
    return given["name"], _of_property(given)


def tag(body: Any) -> str:
    """The body of a PUT of a tag: its new name."""
    return str(_judged(body, TAG)["name"])


def tag_name(name: str) -> str:
    """A tag that a path names."""
    return str(_judged({"name": name}, TAG)["name"])


def tags(body: Any) -> list[str]:
    """The body of a POST of several tags."""
    given = _judged(body, _TAGS)
    _only(given, ("tags",), "tags", ("tags",))
    return [_short(one["name"], "tag") for one in given["tags"]]


def association(body: Any) -> dict[str, Any]:
    """The body of a POST of an association with a type of resources."""
    return _of_association(_judged(body, ASSOCIATION))


def duplicate(what: str, name: str, namespace: str) -> Conflict:
    """That there is such a part already."""
    if what == "tag":
        return Conflict(
            f"A metadata tag with name={name} already exists in namespace={namespace}. "
            "(Please note that metadata tag names are case insensitive)."
        )
    if what == "type":
        return Conflict(
            f"The metadata definition resource-type association of resource-type={name} to namespace={namespace} "
            "already exists."
        )
    return Conflict(f"A metadata definition {what} with name={name} already exists in namespace={namespace}.")
