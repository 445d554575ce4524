"""The period that is asked about (nova.api.openstack.compute.simple_tenant_usage). Pure."""

from __future__ import annotations

import datetime

from fractus.model.errors import Invalid
from fractus.web.routing import Query

#: How Nova reads a moment; all are UTC.
_FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")

_TICK = datetime.timedelta(microseconds=1)


def period_of(query: Query, now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """Start and end of the period of a query; what it leaves out is now. `Invalid` in Nova's words."""
    # Nova reads its clock twice, so a period without both ends is a short one and no wrong one.
    start, end = _moment(query, "start", now), _moment(query, "end", now + _TICK)
    if not start < end:
        raise Invalid("Invalid start time. The start time cannot occur after the end time.")
    return start, end


def _moment(query: Query, name: str, now: datetime.datetime) -> datetime.datetime:
    # Of several values Nova reads the first that is not empty.
    text = next((value for value in query.all(name) if value), "")
    if not text:
        return now
    for form in _FORMS:
        try:
            return datetime.datetime.strptime(text, form)
        except ValueError:
            continue
    raise Invalid("Invalid datetime string: Datetime is in invalid format")
