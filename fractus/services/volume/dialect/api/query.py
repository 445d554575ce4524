"""What handlers of several resources read from a query, with Cinder's sentences where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.web.routing import Call

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})


def check_page(call: Call) -> None:
    """Refuse a `limit` or an `offset` that is none. No limit is too large: Cinder keeps to a bound of its own."""
    limit = call.query.one("limit")
    if limit is not None and _number(limit, "limit param must be an integer") < 0:
        raise Invalid("limit param must be positive")
    offset = call.query.one("offset")
    if offset is not None:
        number = _number(offset, "offset must be an integer")
        if number < 0:
            raise Invalid("offset must be >= 0")
        if number > _MOST:
            raise Invalid(f"offset must be <= {_MOST}")


#: The largest number that Cinder's database takes.
_MOST = 0x7FFFFFFF
_DIGITS = 20


def _number(text: str, sentence: str) -> int:
    try:
        if len(text) > _DIGITS:
            raise ValueError
        return int(text)
    except ValueError:
        raise Invalid(sentence) from None


def flag(call: Call, name: str) -> bool:
    """A parameter that says yes or no; no where it is not given."""
    text = call.query.one(name)
    if text is None or text.lower() in _FALSE:
        return False
    if text.lower() in _TRUE:
        return True
    raise Invalid(f"Value '{text}' for '{name}' is not a boolean.")


def names(given: Mapping[str, Any]) -> dict[str, Any]:
    """Name and description as they are given, by either of their names, without spaces around them."""
    found = {}
    for name in ("name", "description"):
        for spelt in (f"display_{name}", name):
            if spelt in given:
                value = given[spelt]
                found[name] = value.strip() if isinstance(value, str) else value
    return found
