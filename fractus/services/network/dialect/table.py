"""Columns that every table of this service has beside those of every resource."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, Text

from fractus.model.network import EXTERNAL_TO, SHARED_WITH
from fractus.services.field import Fields
from fractus.services.kind import Parent, column
from fractus.store.schema import METADATA
from fractus.store.statements import Filter


def standard_columns(*, tags: bool = True) -> list[Column[object]]:
    """New ones each time: a column belongs to one table. `tags`: whether the kind has them."""
    columns: list[Column[object]] = [
        Column("description", String(255), nullable=False, default=""),
        Column("tags", Text, nullable=False, default=""),
        Column("revision", Integer, nullable=False, default=1),
    ]
    return [one for one in columns if tags or one.name != "tags"]


def shared_with() -> Column[object]:
    """With which projects something is shared by name, each between bars; NULL: it never was."""
    return Column(SHARED_WITH, Text, nullable=True)


def shareable(table: Table) -> Table:
    """The table of what may be shared by name: with which projects it is, each between bars; NULL: it never was.

    The column comes last, for it is younger than the tables.
    """
    table.append_column(shared_with())
    return table


def subresource_table(
    name: str,
    parent: Parent,
    fields: Fields,
    *more: Any,
    order: Sequence[str] = (),
    younger: Sequence[str] = (),
) -> Table:
    """The table of sub-resources: identity, the parent's id, the columns of their fields, `more` columns, indexes.

    `order` and `younger` as for `table_of`.
    """
    columns = {
        one.column.name: column(one.column, younger)
        for one in fields.values()
        if one.column and one.column.name != parent.field
    }
    return Table(
        name,
        METADATA,
        Column("id", String(36), primary_key=True),
        Column("project_id", String(64), nullable=False),
        Column(parent.field, String(36), nullable=False),
        *(columns[one] for one in dict.fromkeys([*order, *columns]) if one not in younger),
        *(one for one in more if not isinstance(one, Index)),
        Column("created_at", Float, nullable=False),
        Column("summary", LargeBinary, nullable=False),
        *(columns[one] for one in younger),
        *(one for one in more if isinstance(one, Index)),
        Index(f"{name}_by_project", "project_id"),
        Index(f"{name}_by_{parent.kind.rpartition('_')[2]}", parent.field),
    )


def external_to() -> Column[object]:
    """To which projects something is external, each between bars; NULL: to all, or to none."""
    return Column(EXTERNAL_TO, Text, nullable=True)


def named(project_id: str, column: str = SHARED_WITH) -> Filter:
    """What is shared with a project by name, or external to it (`EXTERNAL_TO`)."""
    text = re.sub(r"([\\%_])", r"\\\1", project_id)
    return Filter(column, "like", f"%|{text}|%")
