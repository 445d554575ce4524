"""What Placement takes in the query of a request (placement.schemas)."""

from __future__ import annotations

import re
from collections.abc import Collection

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.web.routing import Query

_WRONG = "Invalid query string parameters: "

#: `1.38`: what the type of a consumer may be asked for as.
_CONSUMER_TYPE = re.compile(r"([A-Z0-9_]+|all|unknown)\Z")


def check_query(query: Query, known: Collection[str]) -> None:
    """Refuse what is none of the known parameters, and UUIDs that are none."""
    others = [one for one in query.names() if one not in known]
    if others:
        names = ", ".join(repr(one) for one in sorted(others))
        were = "was" if len(others) == 1 else "were"
        raise Invalid(f"{_WRONG}Additional properties are not allowed ({names} {were} unexpected)")
    for name in ("uuid", "in_tree"):
        for value in query.all(name):
            if not is_uuid(value):
                raise Invalid(f"{_WRONG}{value!r} is not a 'uuid'")


def check_usages(query: Query, known: Collection[str]) -> None:
    """The same of the usages of a project, which must be named."""
    check_query(query, known)
    if "project_id" not in query:
        raise Invalid(f"{_WRONG}'project_id' is a required property")
    for name, value in query.items():
        if not value:
            raise Invalid(f"{_WRONG}{value!r} should be non-empty")
        if len(value) > 255:
            raise Invalid(f"{_WRONG}{value!r} is too long")
        if name == "consumer_type" and _CONSUMER_TYPE.match(value) is None:
            raise Invalid(f"{_WRONG}{value!r} does not match '^[A-Z0-9_]+$|^all$|^unknown$'")


def names_asked(query: Query) -> tuple[str, frozenset[str] | None]:
    """A beginning that names must have, and the names that are asked for; empty and None where all are."""
    given = query.one("name")
    if given is None:
        return "", None
    how, colon, value = given.partition(":")
    if not colon:
        raise Invalid(
            "Badly formatted name parameter. Expected name query string parameter in form:"
            f' ?name=[in|startswith]:[name1,name2|prefix]. Got: "{given}"'
        )
    if how == "in":
        return "", frozenset(value.split(","))
    return (value if how == "startswith" else ""), None


def associated(query: Query) -> bool | None:
    """Whether traits are asked for that some provider has, or none; None: both."""
    given = query.one("associated")
    if given is None:
        return None
    if given.lower() not in ("true", "false"):
        raise Invalid('The query parameter "associated" only accepts "true" or "false"')
    return given.lower() == "true"
