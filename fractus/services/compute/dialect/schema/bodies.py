"""Bodies, judged by the fields of their kind, and query parameters."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.fields import ComputeField
from fractus.services.compute.dialect.schema.values import checked_object, refuse
from fractus.services.field import REQUIRED
from fractus.web.microversion import UNVERSIONED, Version


@functools.cache
def version_of(text: str) -> Version:
    """A microversion as declarations write it; an empty text is older than all."""
    return Version.parse(text) if text else UNVERSIONED


def reached(asked: Version, since: str) -> bool:
    """Whether the asked version is `since` or later."""
    return asked >= version_of(since)


def check_create(kind: str, fields: Iterable[ComputeField], body: Any, version: Version) -> None:
    """The body of a POST. Fields that only other versions know are refused elsewhere, after all that is said here."""
    own = [one for one in fields if one.post]
    required = [
        one.name
        for one in own
        if one.default is REQUIRED or (one.required_since and reached(version, one.required_since))
    ]
    _check(kind, own, required, body, version)


def check_update(kind: str, fields: Iterable[ComputeField], body: Any, version: Version) -> None:
    """The body of a PUT, which has to say something."""
    own = [one for one in fields if one.put]
    _check(kind, own, [one.name for one in own], body, version)


def _check(
    kind: str, fields: Iterable[ComputeField], required: Iterable[str], body: Any, version: Version
) -> None:
    given = checked_object(body, "", (kind,), (kind,))[kind]
    given = checked_object(given, kind, required, [one.name for one in fields])
    for field in fields:
        if field.name not in given:
            continue
        later = field.check_since
        check = later[1] if later is not None and reached(version, later[0]) else field.check
        why = None if check is None else check(given[field.name])
        if why is not None:
            raise refuse(field.name, given[field.name], why)


def values(fields: Iterable[ComputeField], given: Mapping[str, Any], *, create: bool) -> dict[str, Any]:
    """What is kept of a body that was checked, under the names that it is kept by."""
    kept = {}
    for field in fields:
        if not (field.post if create else field.put):
            continue
        value = given.get(field.name, UNSET)
        if value is UNSET:
            value = field.default if create else UNSET
        elif field.convert is not None:
            value = field.convert(value)
        if value is not UNSET:
            kept[field.key] = value
    return kept


def query_one_of(name: str, value: str, choices: Iterable[str]) -> str:
    """A query parameter that has only a few values."""
    allowed = list(choices)
    if value not in allowed:
        raise Invalid(
            f"Invalid input for query parameters {name}. Value: {value}. {value!r} is not one of {allowed}"
        )
    return value
