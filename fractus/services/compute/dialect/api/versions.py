"""Rows of microversions, as the fields of a kind say them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from fractus.services.compute.dialect.kind import ComputeKind
from fractus.services.compute.dialect.schema.bodies import version_of
from fractus.services.compute.dialect.schema.fields import ComputeField
from fractus.web.microversion import (
    FieldAdded,
    FieldRemoved,
    RequestFieldAdded,
    RequestFieldRemoved,
    Row,
    VersionTable,
)


def document_table(kind: ComputeKind, more: Iterable[Row] = ()) -> VersionTable:
    """How its whole document changed, and what a create might say. `more`: what no field says."""
    rows = [
        row
        for field in kind.fields.values()
        for row in (*_shown(field, field.document), *_given(kind, field))
    ]
    return VersionTable((*rows, *more))


def partial_table(kind: ComputeKind, names: Collection[str], at: str = "") -> VersionTable:
    """How a document with only `names` changed. `at`: the name of the object that it stands in, if any."""
    prefix = f"{at}." if at else ""
    shown = [one for one in kind.fields.values() if one.document in names]
    return VersionTable(row for one in shown for row in _shown(one, prefix + one.document))


def _shown(field: ComputeField, path: str) -> Iterator[Row]:
    if not path:
        return
    if field.since:
        yield FieldAdded(version_of(field.since), path)
    if field.until:
        yield FieldRemoved(version_of(field.until), path, _of(field.document))


def _given(kind: ComputeKind, field: ComputeField) -> Iterator[Row]:
    path, since = f"{kind.name}.{field.name}", field.given_since or field.since
    if field.post and since:
        yield RequestFieldAdded(version_of(since), path, on="create")
    if field.post and field.until:
        yield RequestFieldRemoved(version_of(field.until), path, on="create")


def _of(name: str) -> Any:
    def value(_document: Any, extra: Mapping[str, Any]) -> Any:
        return extra[name]

    return value
