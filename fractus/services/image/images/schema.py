"""What may be said of an image, and Glance's sentences about what may not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from fractus.model.errors import Conflict, Forbidden, Invalid, TooLarge
from fractus.services.pattern import Pattern

CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
VISIBILITIES = ("community", "public", "private", "shared")

#: JSON patch as Glance knew it first (draft 4), and as it is (draft 10): by media type.
PATCHES = {
    "application/openstack-images-v2.0-json-patch": 4,
    "application/openstack-images-v2.1-json-patch": 10,
}

#: Glance's own bounds: tags, properties and members of one image.
QUOTA = 128

_ID = Pattern("^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$")
_MAX_INT = 2**31 - 1
_OPERATIONS = ("add", "remove", "replace")
_READ_ONLY = ("direct_url", "self", "file", "schema", "stores")
_LEARNT = (
    "created_at",
    "updated_at",
    "status",
    "checksum",
    "size",
    "virtual_size",
    "os_hash_algo",
    "os_hash_value",
)
_READONLY = (*_LEARNT, "direct_url", "self", "file", "schema", "id")
_RESERVED = ("location", "deleted", "deleted_at")
_RESERVED_PREFIX = "os_glance"
#: What a PATCH may set, beside properties of the user's own.
SETTABLE = (
    "name",
    "visibility",
    "min_disk",
    "min_ram",
    "protected",
    "owner",
    "disk_format",
    "container_format",
    "os_hidden",
    "tags",
)

_TYPES: Mapping[str, tuple[str, ...]] = {
    "id": ("string",),
    "name": ("null", "string"),
    "status": ("string",),
    "visibility": ("string",),
    "protected": ("boolean",),
    "os_hidden": ("boolean",),
    "checksum": ("null", "string"),
    "os_hash_algo": ("null", "string"),
    "os_hash_value": ("null", "string"),
    "owner": ("null", "string"),
    "size": ("null", "integer"),
    "virtual_size": ("null", "integer"),
    "container_format": ("null", "string"),
    "disk_format": ("null", "string"),
    "created_at": ("string",),
    "updated_at": ("string",),
    "tags": ("array",),
    "direct_url": ("string",),
    "min_ram": ("integer",),
    "min_disk": ("integer",),
    "self": ("string",),
    "file": ("string",),
    "stores": ("string",),
    "schema": ("string",),
    "locations": ("array",),
}
_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "visibility": VISIBILITIES,
    "container_format": (None, *CONTAINER_FORMATS),
    "disk_format": (None, *DISK_FORMATS),
}
_LENGTHS = {"name": 255, "owner": 255, "checksum": 32, "os_hash_algo": 64, "os_hash_value": 128}


def _type(value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return "null"


def _refuse(why: str) -> Invalid:
    return Invalid(f"Provided object does not match schema 'image': {why}")


def _check(name: str, value: Any) -> None:
    """One field against Glance's schema; what is no field is a property, and a text."""
    types = _TYPES.get(name, ("string",))
    if _type(value) not in types:
        raise _refuse(f"{value!r} is not of type {', '.join(map(repr, types))}")
    choices = _CHOICES.get(name)
    if choices is not None and value not in choices:
        raise _refuse(f"{value!r} is not one of {list(choices)}")
    if isinstance(value, str) and len(value) > _LENGTHS.get(name, len(value)):
        raise _refuse(f"{value!r} is too long")
    if name == "id" and (why := _ID.wrong(value)):
        raise _refuse(why)
    if name == "tags":
        check_tags(value)
    if name == "locations":
        _check_locations(value)
    if name in ("min_disk", "min_ram"):
        if value < 0:
            raise Invalid(f"Invalid value '{value}' for parameter '{name}': Cannot be a negative value")
        if value > _MAX_INT:
            raise Invalid(f"'{name}' value out of range, must not exceed {_MAX_INT}.")


def check_tags(tags: list[Any]) -> None:
    """Tags are texts, none too long."""
    for tag in tags:
        if not isinstance(tag, str):
            raise _refuse(f"{tag!r} is not of type 'string'")
        if len(tag) > 255:
            raise _refuse(f"{tag!r} is too long")


def _check_locations(locations: list[Any]) -> None:
    """Locations are objects with a URL and metadata."""
    for one in locations:
        if not isinstance(one, dict):
            raise _refuse(f"{one!r} is not of type 'object'")
        for name, kind in (("url", str), ("metadata", dict)):
            if name not in one:
                raise _refuse(f"{name!r} is a required property")
            if not isinstance(one[name], kind):
                raise _refuse(f"{one[name]!r} is not of type {_type(kind())!r}")
        if len(one["url"]) > 255:
            raise _refuse(f"{one['url']!r} is too long")


def check_location(body: Any) -> None:
    """The body of a POST /images/{id}/locations."""
    if not isinstance(body, dict):
        raise Invalid(f"Provided object does not match schema 'location': {body!r} is not of type 'object'")
    url = body.get("url")
    if not isinstance(url, str):
        raise Invalid(
            "Provided object does not match schema 'location': "
            + ("'url' is a required property" if "url" not in body else f"{url!r} is not of type 'string'")
        )


def too_many(amount: int, what: str) -> TooLarge:
    """Beyond Glance's bound of tags, properties or members."""
    return TooLarge(
        f"The limit has been exceeded on the number of allowed image {what}. Attempted: {amount}, Maximum: {QUOTA}"
    )


#: Tags of one request, with those that stand there twice. Glance looks through all before it counts them.
_MOST_TAGS = 1000


def _count(body: Mapping[str, Any]) -> None:
    """Refuse what cannot be within the bounds, before anything else is done with it."""
    if len(body) > QUOTA + len(_TYPES):
        raise too_many(len(body) - len(body.keys() & _TYPES.keys()), "properties")
    tags = body.get("tags")
    if isinstance(tags, list) and len(tags) > _MOST_TAGS:
        raise too_many(len(tags), "tags")


def _check_name(name: str) -> None:
    if name in _RESERVED or name.startswith(_RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{name}' is reserved.")


def create(body: Any) -> None:
    """The body of a POST /images."""
    if body is None:
        raise Invalid("Body expected in request.")
    if not isinstance(body, dict):
        raise _refuse(f"{body!r} is not of type 'object'")
    _count(body)
    for name in _READ_ONLY:
        if name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
    for name, value in body.items():
        _check(name, value)
    for name in body:
        if name not in _TYPES:
            if len(name) > 255:
                raise Invalid("Custom property should not be greater than 255 characters.")
            _check_name(name)
    for name in _LEARNT:
        if name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
    if "locations" in body:
        raise Forbidden("Attribute 'locations' is reserved.")


def wanted(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a checked body; nothing is known of the bits yet."""
    return {
        "name": body.get("name"),
        "visibility": body.get("visibility", "shared"),
        "disk_format": body.get("disk_format"),
        "container_format": body.get("container_format"),
        "min_disk": body.get("min_disk", 0),
        "min_ram": body.get("min_ram", 0),
        "protected": body.get("protected", False),
        "os_hidden": body.get("os_hidden", False),
        "properties": {name: value for name, value in body.items() if name not in _TYPES},
        "tags": list(dict.fromkeys(body.get("tags", []))),
        "members": {},
        "member_times": {},
        "size": None,
        "virtual_size": None,
        "checksum": None,
        "os_hash_algo": None,
        "os_hash_value": None,
        "path": "",
    }


# --- JSON patch --------------------------------------------------------------------------------------


class Change(Struct, frozen=True):
    """One operation of a patch, checked. `fresh`: an add that must not find anything there (draft 4)."""

    op: str
    name: str
    value: Any = None
    fresh: bool = False


def patch(body: Any, draft: int) -> list[Change]:
    """The operations of a PATCH."""
    if body is None:
        raise Invalid("Body expected in request.")
    if not isinstance(body, list):
        raise Invalid("Request body must be a JSON array of operation objects.")
    return [_change(raw, draft) for raw in body]


def _change(raw: Any, draft: int) -> Change:
    if not isinstance(raw, dict):
        raise Invalid("Operations must be JSON objects.")
    op, pointer = _draft10(raw) if draft == 10 else _draft4(raw)
    path = _pointer(pointer)
    # Glance lets locations alone be reached into, and shows none: whatever is done to them ends in `locations`.
    depth = {"add": 2, "remove": 2}.get(op, 1) if path[0] == "locations" else 1
    if len(path) != depth:
        raise Invalid(f"Invalid JSON pointer for this resource: '/{'/'.join(path)}'")
    name = path[0]
    if op != "remove" and "value" not in raw:
        raise Invalid(f'Operation "{op}" requires a member named "value".')
    if name in _READONLY:
        raise Forbidden(f"Attribute '{name}' is read-only.")
    _check_name(name)
    if op == "remove":
        return Change(op, name)
    # An element that is put into the list of locations is checked as a list of one.
    _check(name, [raw["value"]] if depth == 2 else raw["value"])
    return Change(op, name, raw["value"], draft == 4)


def _draft10(raw: Mapping[str, Any]) -> tuple[str, Any]:
    choices = ", ".join(_OPERATIONS)
    op = raw.get("op")
    if op is None:
        raise Invalid(
            f"Unable to find `op` in JSON Schema change. It must be one of the following: {choices}."
        )
    if op not in _OPERATIONS:
        raise Invalid(f"Invalid operation: `{op}`. It must be one of the following: {choices}.")
    if "path" not in raw:
        raise Invalid("Unable to find 'path' in JSON Schema change")
    return op, raw["path"]


def _draft4(raw: Mapping[str, Any]) -> tuple[str, Any]:
    named = [op for op in _OPERATIONS if op in raw]
    if len(named) != 1:
        amount = "only" if named else "exactly"
        raise Invalid(
            f'Operation objects must contain {amount} one member named "add", "remove", or "replace".'
        )
    return named[0], raw[named[0]]


def _pointer(pointer: Any) -> list[str]:
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise Invalid(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r"/\s*?/", pointer[1:]):
        raise Invalid(f'Pointer `{pointer}` contains adjacent "/".')
    if len(pointer) > 1 and pointer.endswith("/"):
        raise Invalid(f'Pointer `{pointer}` end with "/".')
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise Invalid(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    return [part.replace("~1", "/").replace("~0", "~").strip() for part in pointer.lstrip("/").split("/")]


def apply(desired: dict[str, Any], change: Change, *, queued: bool) -> None:
    """Do one operation to what is kept of an image. `queued`: it has no bits yet, so its formats may change."""
    name, properties = change.name, desired["properties"]
    if change.op == "remove":
        if name in SETTABLE:
            raise Forbidden(f"Property {name} may not be removed.")
        if name not in properties:
            raise Conflict(f"Property {name} does not exist.")
        del properties[name]
        return
    if change.op == "replace" and name not in SETTABLE and name not in properties:
        raise Conflict(f"Property {name} does not exist.")
    if change.op == "add" and change.fresh and (name in SETTABLE or name in properties):
        raise Conflict(f"Property {name} already present.")
    if name in ("disk_format", "container_format") and not queued:
        raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    if name == "tags":
        desired["tags"] = list(dict.fromkeys(change.value))
    elif name in SETTABLE:
        desired[name] = change.value
    else:
        properties[name] = change.value


# --- members and imports -------------------------------------------------------------------------------


def new_member(body: Any) -> str:
    """The project of a POST /images/{id}/members."""
    if body is None:
        raise Invalid("Body expected in request.")
    if not isinstance(body, dict):
        raise Invalid('Expected a member in the form: {"member": "image_id"}')
    if "member" not in body:
        raise Invalid("Member to be added not specified")
    member = body["member"]
    if not member:
        raise Invalid("Member can't be empty")
    if not isinstance(member, str) or len(member) > 255:
        raise Invalid('Expected a member in the form: {"member": "image_id"}')
    return member


def member_status(body: Any) -> str:
    """The status of a PUT /images/{id}/members/{project}."""
    if body is None:
        raise Invalid("Body expected in request.")
    if not isinstance(body, dict):
        raise Invalid('Expected a status in the form: {"status": "status"}')
    if "status" not in body:
        raise Invalid("Status not specified")
    status = body["status"]
    if status not in ("pending", "accepted", "rejected"):
        raise Invalid('Incorrect request: Status must be "pending", "accepted" or "rejected".')
    assert isinstance(status, str)
    return status


#: How bits may come, beside a plain upload, whatever else there is.
IMPORT_METHODS = ("glance-direct",)
#: What comes with other stores, and with hosts from which bits may be downloaded. Where it is not offered an image in
#: the wrong state is refused first.
COPY_IMAGE, WEB_DOWNLOAD = "copy-image", "web-download"


def import_method(body: Any) -> str:
    """The method of a POST /images/{id}/import."""
    if body is None:
        raise Invalid("Body expected in request.")
    method = body.get("method") if isinstance(body, dict) else None
    if not isinstance(method, dict):
        raise Invalid("Import request requires a 'method' field.")
    if "name" not in method:
        raise Invalid("Import request requires a 'name' field.")
    name = method["name"]
    if name not in (*IMPORT_METHODS, COPY_IMAGE, WEB_DOWNLOAD):
        raise unknown_method(name)
    for field in ("all_stores_must_succeed", "all_stores"):
        if not isinstance(body.get(field, True), bool):
            raise Invalid(f"'{field}' must be boolean value only")
    stores = body.get("stores", [])
    if not isinstance(stores, list) or not all(isinstance(one, str) for one in stores):
        raise Invalid("'stores' must be a list of the names of stores")
    return str(name)


def unknown_method(name: Any) -> Invalid:
    """The error for a method of import that is not offered."""
    return Invalid(f"Unknown import method name '{name}'.")
