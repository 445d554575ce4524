"""Checks of one value: each says why it is wrong, in Nova's words, or nothing. Where Nova says more, it raises that."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.field import Check
from fractus.services.pattern import Pattern

#: Nova's words for a boolean, in the order in which its error lists them.
TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
BOOLEAN = [*TRUE, False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"]

#: The largest number that a column takes.
MAX_INT = 0x7FFFFFFF

_HOST = Pattern("^[a-zA-Z0-9-._]*$")
_DIGITS = Pattern("^[0-9]+$")
_LONGEST = 255


def refuse(field: str, value: Any, why: str) -> Invalid:
    """Nova's sentence about one value."""
    return Invalid(f"Invalid input for field/attribute {field}. Value: {value}. {why}" if field else why)


def only(names: Iterable[str], known: Iterable[str], at: str = "", value: Any = None) -> None:
    """Refuse names (of query parameters, or of fields of the object `value` called `at`) that are not known."""
    unknown = [repr(name) for name in names if name not in known]
    if unknown:
        verb = "was" if len(unknown) == 1 else "were"
        raise refuse(
            at, value, f"Additional properties are not allowed ({', '.join(unknown)} {verb} unexpected)"
        )


def printable(text: str) -> bool:
    """Nova's idea of printable: letters, marks, numbers, punctuation, symbols and plain spaces."""
    kinds = {unicodedata.category(char) for char in text}
    return all(kind[0] not in "CZ" or kind == "Zs" for kind in kinds)


def check_name(value: Any) -> None:
    """Refuse what is no name in Nova: printable characters, no space around them, 255 at most."""
    if not isinstance(value, str):
        raise refuse("name", value, f"{value!r} is not of type 'string'")
    if not value:
        raise refuse("name", value, "'' should be non-empty")
    if len(value) > 255:
        raise refuse("name", value, f"{value!r} is too long")
    if not printable(value) or value != value.strip():
        raise Invalid(
            "An invalid 'name' value was provided. The name must be: printable characters. "
            "Can not start or end with whitespace."
        )


def string(value: Any) -> str | None:
    """Any text."""
    return None if isinstance(value, str) else f"{value!r} is not of type 'string'"


def name(pattern: str = "") -> Check:
    """What is a name in Nova, and where there is a `pattern`, has only its characters."""
    only_of = Pattern(pattern)

    def check(value: Any) -> str | None:
        check_name(value)
        return only_of.wrong(value)

    return check


def one_of(*values: Any) -> Check:
    """One of a few values."""
    return lambda value: None if value in values else f"{value!r} is not one of {list(values)}"


def boolean(value: Any) -> str | None:
    """Yes or no, in any of Nova's words."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value!r} is not one of {BOOLEAN}" if is_number or value not in BOOLEAN else None


def integer(minimum: int) -> Check:
    """A whole number from `minimum`, or the digits of one."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | str):
            return f"{value!r} is not of type 'integer', 'string'"
        if isinstance(value, str) and not _DIGITS.holds(value):
            return _DIGITS.wrong(value)
        # More digits than Python cares to read are too many.
        if isinstance(value, str) and len(value) > 18:
            return f"{value!r} is greater than the maximum of {MAX_INT}"
        if int(value) < minimum:
            return f"{value!r} is less than the minimum of {minimum}"
        return f"{value!r} is greater than the maximum of {MAX_INT}" if int(value) > MAX_INT else None

    return check


def checked_object(value: Any, field: str, required: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
    """An object with fields that are known, and all that are required."""
    if not isinstance(value, dict):
        raise refuse(field, value, f"{value!r} is not of type 'object'")
    only(value, known, field, value)
    for one in required:
        if one not in value:
            raise refuse(field, value, f"{one!r} is a required property")
    return value


def short_text(value: Any) -> str | None:
    """A text that is not empty and fits a column."""
    if not isinstance(value, str):
        return f"{value!r} is not of type 'string'"
    if not value:
        return "'' should be non-empty"
    return f"{value!r} is too long" if len(value) > _LONGEST else None


def host_name(value: Any) -> str | None:
    """The name of a host, by its characters."""
    return short_text(value) or _HOST.wrong(value)
