"""What Nova says of requests about aggregates (its schemas aggregates and aggregate_images). Pure."""

from __future__ import annotations

import re
from typing import Any

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.values import checked_object, refuse

#: The one key of metadata that means something: the zone of the hosts.
ZONE = "availability_zone"

_KEY = r"[a-zA-Z0-9-_:. ]{1,255}"
_LONGEST = 255


def check_zone(value: Any) -> str | None:
    """The name of a zone, or null."""
    if value is None:
        return None
    right = isinstance(value, str) and 0 < len(value) <= _LONGEST and ":" not in value
    if right and values.printable(value) and value == value.strip():
        return None
    return f"{value!r} is not valid under any of the given schemas"


def check_new_name(value: Any) -> str | None:
    """A name with spaces around it, which are cut off: Nova's leave for a name that is changed."""
    if not isinstance(value, str):
        return f"{value!r} is not of type 'string'"
    if not value.strip() or not values.printable(value.strip()):
        raise Invalid(
            "An invalid 'name' value was provided. The name must be: printable characters with at least one non "
            "space character"
        )
    return f"{value!r} is too long" if len(value) > _LONGEST else None


def check_update(body: Any) -> None:
    """The body of a PUT, which has to say something."""
    given = checked_object(body, "", ("aggregate",), ("aggregate",))["aggregate"]
    given = checked_object(given, "aggregate", (), ("name", ZONE))
    if not given:
        raise refuse("aggregate", given, f"{given!r} is not valid under any of the given schemas")
    for name, check in (("name", check_new_name), (ZONE, check_zone)):
        why = check(given[name]) if name in given else None
        if why is not None:
            raise refuse(name, given[name], why)


def check_host(action: str, body: Any) -> None:
    """The body of an action about a host."""
    given = checked_object(body, "", (action,), (action,))[action]
    host = checked_object(given, action, ("host",), ("host",))["host"]
    why = values.host_name(host)
    if why is not None:
        raise refuse("host", host, why)


def check_metadata(body: Any) -> None:
    """The body of `set_metadata`: a null takes a key away."""
    given = checked_object(body, "", ("set_metadata",), ("set_metadata",))["set_metadata"]
    metadata = checked_object(given, "set_metadata", ("metadata",), ("metadata",))["metadata"]
    if not isinstance(metadata, dict):
        raise refuse("metadata", metadata, f"{metadata!r} is not of type 'object'")
    wrong = [repr(key) for key in metadata if not re.fullmatch(_KEY, key)]
    if wrong:
        verb = "does" if len(wrong) == 1 else "do"
        raise refuse(
            "metadata", metadata, f"{', '.join(wrong)} {verb} not match any of the regexes: '^{_KEY}$'"
        )
    for key, value in metadata.items():
        if value is not None and not isinstance(value, str):
            raise refuse(key, value, f"{value!r} is not of type 'string', 'null'")
        if value is not None and len(value) > _LONGEST:
            raise refuse(key, value, f"{value!r} is too long")


def check_images(body: Any) -> None:
    """The body that asks for images to be cached."""
    given = checked_object(body, "", ("cache",), ("cache",))["cache"]
    if not isinstance(given, list):
        raise refuse("cache", given, f"{given!r} is not of type 'array'")
    if not given:
        raise refuse("cache", given, "[] should be non-empty")
    for at, one in enumerate(given):
        if not isinstance(one, dict):
            raise refuse(str(at), one, f"{one!r} is not of type 'object'")
        if "id" in one:
            image = one["id"]
            if not isinstance(image, str):
                raise refuse("id", image, f"{image!r} is not of type 'string'")
            if not is_uuid(image):
                raise refuse("id", image, f"{image!r} is not a 'uuid'")
        checked_object(one, str(at), ("id",), ("id",))


def number_of(text: str) -> str:
    """The id in a path, which is a number."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", text, re.ASCII):
        raise Invalid("Invalid input received: id must be an integer")
    return str(int(text))
