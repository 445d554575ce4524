"""What the query of a list may say (nova.api.openstack.compute.schemas.migrations). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fractus.base.clock import parse_iso
from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.values import only
from fractus.web.routing import Query

#: Filters that every version has.
FILTERS = ("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type")

#: Parameters that later versions brought, each at most once.
SINGLE = ("limit", "marker", "changes-since", "changes-before", "user_id", "project_id")
_STAMPS = ("changes-since", "changes-before")


def judged(query: Query, known: Sequence[str], *, strict: bool) -> dict[str, str]:
    """The parameters that count, each with its last value; `Invalid` in Nova's words. `known`: those that the version
    has; `strict`: it takes no others.
    """
    for name in known:
        every = query.all(name)
        for value in every:
            why = _why_wrong(name, value)
            if why:
                raise Invalid(f"Invalid input for query parameters {name}. Value: {value}. {why}")
        if name in SINGLE and len(every) > 1:
            raise Invalid(f"Invalid input for query parameters {name}. Value: {every}. {every!r} is too long")
    if strict:
        only(query.names(), known)
    given = {name: query.all(name)[-1] for name in known if name in query}
    since, before = (given.get(name) for name in _STAMPS)
    if since is not None and before is not None and parse_iso(before) < parse_iso(since):
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    return given


def _why_wrong(name: str, value: str) -> str:
    if name == "limit":
        if not value:
            return "'' should be non-empty"
        return "" if re.fullmatch("[0-9]+", value, re.ASCII) else f"{value!r} does not match '^[0-9]*$'"
    if name in _STAMPS:
        try:
            parse_iso(value)
        except ValueError:
            return f"{value!r} is not a 'date-time'"
    return ""
